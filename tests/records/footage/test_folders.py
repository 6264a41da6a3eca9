"""Folders of numbered pictures: their order, and errors that name the folder and what is wrong with it."""

import pytest

from records.footage import Footage, VideoError, count_frames, info, numbered, read_frames
from tests.records.footage.pictures import index_of, numbered_pictures


def test_files_that_are_not_numbered_pictures_are_left_out(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", range(3))
    for name in ("notes.txt", ".0003.png", "Thumbs.db", "cover.png", "²³.png"):
        (folder / name).write_bytes(b"x")
    numbered_pictures(folder / "0007.png", [0])
    assert [path.name for path in numbered(folder)] == ["0000.png", "0001.png", "0002.png"]


@pytest.mark.parametrize(
    ("numbers", "more", "message"),
    [
        ((0, 1, 3), (), "lacks the picture with the number 2"),
        ((0, 1), ("1.jpg",), "two pictures with the number 1"),
        ((), (), "no numbered pictures"),
        ((0,), ("9" * 19 + ".png",), "is too large"),
    ],
)
def test_a_folder_with_missing_or_duplicate_numbers_is_named(tmp_path, numbers, more, message):
    folder = numbered_pictures(tmp_path / "clip", numbers)
    for name in more:
        (folder / name).write_bytes(b"x")
    for read in (info, count_frames, lambda footage: list(read_frames(footage))):
        with pytest.raises(VideoError, match=f"clip.*{message}"):
            read(Footage(folder))


def test_sampled_frames_may_lack_numbers_but_not_repeat_them(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", (0, 15, 31))
    assert [index_of(frame) for _, frame in read_frames(Footage(folder, sampled=True), [0, 2])] == [0, 31]
    (folder / "15.jpg").write_bytes(b"x")
    with pytest.raises(VideoError, match="two pictures with the number 15"):
        count_frames(Footage(folder, sampled=True))


def test_a_changed_folder_is_listed_again(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", range(3))
    assert count_frames(Footage(folder)) == 3
    numbered_pictures(folder, [3])
    assert count_frames(Footage(folder)) == 4
