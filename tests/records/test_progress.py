"""Lines for a terminal."""

import os

import pytest

from records.progress import duration, escaped


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("naïve ütterance 1.mp4", "naïve ütterance 1.mp4"),
        ("new\nline\r.png", r"new\nline\r.png"),
        ("\x1b]0;title\x07", r"\x1b]0;title\x07"),
        ("\u202egnp.exe", r"\u202egnp.exe"),
        (os.fsdecode(b"\xff.mp4"), r"\udcff.mp4"),
    ],
)
def test_a_text_is_one_line_that_can_be_printed(text, shown):
    assert escaped(text) == shown
    assert shown.isprintable()


def test_a_duration_is_minutes_and_seconds():
    assert duration(61.6) == "1:02"
