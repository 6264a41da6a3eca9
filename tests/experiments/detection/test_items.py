"""From arguments to files."""

import io
import os

import pytest

from experiments.detection import items


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "inner").mkdir()
    for name in ("b.MP4", "a.jpg", "inner/c.png", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def found(*arguments, listed=b""):
    return [(item.path, item.reason) for item in items(map(str, arguments), io.BytesIO(listed))]


def test_a_folder_gives_its_pictures_and_videos_by_name(folder):
    assert found(folder) == [(folder / name, None) for name in ("a.jpg", "b.MP4", "inner/c.png")]


def test_a_file_is_looked_at_whatever_its_name(folder):
    assert found(folder / "notes.txt") == [(folder / "notes.txt", None)]


def test_patterns_and_names_that_look_like_patterns(folder):
    assert found(folder / "**" / "*.png") == [(folder / "inner" / "c.png", None)]
    (folder / "[1].jpg").write_bytes(b"x")
    assert found(folder / "[1].jpg") == [(folder / "[1].jpg", None)]


def test_each_file_comes_once(folder):
    assert found(folder / "a.jpg", folder / "inner" / ".." / "a.jpg", folder)[0] == (folder / "a.jpg", None)
    assert len(found(folder / "a.jpg", folder)) == 3


def test_a_list_on_standard_input(folder):
    listed = os.fsencode(folder / "a.jpg") + b"\r\n\n" + os.fsencode(folder / "gone.jpg")
    assert found("-", listed=listed) == [(folder / "a.jpg", None), (folder / "gone.jpg", "there is no such file")]


def test_what_is_no_file_is_an_item_with_a_reason(folder):
    (folder / "empty").mkdir()
    os.mkfifo(folder / "pipe.mp4")
    (folder / "broken.jpg").symlink_to(folder / "gone")
    reasons = dict(found(folder / "empty", folder / "pipe.mp4", folder / "broken.jpg", folder / "*.avi"))
    assert reasons == {
        folder / "empty": "the folder holds no picture and no video",
        folder / "pipe.mp4": "it is not a regular file",
        folder / "broken.jpg": "it is not a regular file",
        folder / "*.avi": "there is no such file",
    }


def test_a_pipe_in_a_folder_is_not_opened(folder):
    os.mkfifo(folder / "inner" / "pipe.mp4")
    assert (folder / "inner" / "pipe.mp4", "it is not a regular file") in found(folder)


def test_names_that_are_no_utf8(folder):
    name = os.fsdecode(os.fsencode(folder) + b"/\xff.jpg")
    open(name, "wb").close()
    assert [os.fsencode(path)[-5:] for path, _ in found(name)] == [b"\xff.jpg"]
