"""Files at a URL are read as local ones are; ram:// is a file system in TensorFlow's own memory."""

import os
import stat
from pathlib import Path

import pytest
import tensorflow as tf

from records.places import Remote, is_url, place

CONTENT = bytes(range(256)) * 50


@pytest.fixture
def remote():
    """A file in memory."""
    with tf.io.gfile.GFile("ram://places/file", "wb") as file:
        file.write(CONTENT)
    return place("ram://places/") / "file"


@pytest.mark.parametrize(
    ("name", "expected"), [("gs://b/x", True), ("ram://x", True), ("/a//b", False), ("a:b", False)]
)
def test_urls_are_told_from_paths(name, expected):
    assert is_url(name) == expected
    assert isinstance(place(name), Remote if expected else Path)


def test_a_remote_file_is_read_like_a_local_one(remote):
    assert str(remote) == "ram://places/file"
    assert remote.is_file()
    assert not (remote / "nothing").is_file()
    assert remote.stat().st_size == len(CONTENT)
    assert stat.S_ISREG(remote.stat().st_mode)
    with remote.open("rb") as file:
        assert file.seek(0, os.SEEK_END) == len(CONTENT)
        file.seek(300)
        assert file.read(10) == CONTENT[300:310]
        assert file.tell() == 310
        file.seek(-5, os.SEEK_CUR)
        assert file.read() == CONTENT[305:]


def test_text_is_decoded():
    with tf.io.gfile.GFile("ram://places/text", "w") as file:
        file.write("größer")
    assert place("ram://places/text").read_text(encoding="utf-8") == "größer"


def test_a_missing_remote_file_is_a_missing_file():
    for read in (Remote.stat, Remote.open, Remote.read_text):
        with pytest.raises(FileNotFoundError):
            read(place("ram://places/missing"))


def test_an_unknown_file_system_is_an_error_that_names_it():
    with pytest.raises(OSError, match="nowhere"):
        place("nowhere://a").stat()
