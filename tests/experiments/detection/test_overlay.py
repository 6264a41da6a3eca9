"""Annotated copies: boxes where the people are, in every frame between those that were looked at."""

import numpy as np
import pytest

from experiments.detection.answers import Answer, Person, Sight
from experiments.detection.overlay import write_overlay
from records.footage import info, read_frames, read_picture, write_video
from tests.records.footage.videos import encode

GREY = np.full((120, 160, 3), 128, np.uint8)


def sighted(places):
    """A person seen at {frame: left edge}, at 25 frames a second."""
    return Person(
        1, tuple(Sight(index, index / 25, (30.0, x, 70.0, x + 40.0), 52, 1.2, 0.9) for index, x in places.items())
    )


@pytest.fixture
def clip(tmp_path):
    write_video(tmp_path / "clip.mp4", [GREY] * 40, crf=10, fps=25)
    return tmp_path / "clip.mp4"


def left_edge(frame):
    """The first column of the box's left side, above the words; None without a box."""
    differs = np.abs(frame[35:60].astype(int) - 128).max(axis=-1).mean(axis=0) > 40
    return int(np.argmax(differs)) if differs.any() else None


def test_the_box_moves_between_the_frames_and_ends(clip, tmp_path):
    answer = Answer(clip, "video", (sighted({0: 20.0, 10: 60.0}),), frames=2)
    copy = write_overlay(answer, tmp_path / "copy")
    assert copy.name == "copy.mp4"
    edges = [left_edge(frame) for _, frame in read_frames(copy)]
    assert len(edges) == 40
    assert edges[0] == pytest.approx(20, abs=3)
    assert edges[5] == pytest.approx(40, abs=3)
    assert edges[10] == pytest.approx(60, abs=3)
    assert edges[20] is not None
    assert edges[25] is None  # half a second later


def test_a_picture_becomes_a_picture(tmp_path):
    encode(tmp_path / "face.mp4", [GREY], codec="libx264")
    answer = Answer(tmp_path / "face.mp4", "picture", (sighted({0: 20.0}),), frames=1)
    copy = write_overlay(answer, tmp_path / "copy")
    assert copy.name == "copy.png"
    assert left_edge(read_picture(copy)) == pytest.approx(20, abs=2)
    assert info(copy).width == 160
