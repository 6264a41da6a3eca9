"""Reading the frames of videos of every kind, of folders of pictures and of one picture."""

import os

import numpy as np
import pytest

from records.footage import Footage, VideoError, count_frames, info, length, read_frames, write_video
from tests.records.footage.pictures import index_of, numbered_pictures


@pytest.mark.parametrize("name", ["{:04d}.png", "{:03d}", "frame{}.jpg", "2019-05-03 take 2 ({:d}).JPEG"])
def test_a_folder_of_numbered_pictures_is_read_in_the_order_of_their_numbers(tmp_path, name):
    footage = Footage(numbered_pictures(tmp_path / "clip", range(2, 14), name))
    header = info(footage)
    assert (header.frames, header.width, header.height, header.seconds) == (12, 96, 64, 0.0)
    assert header.bytes == sum(path.stat().st_size for path in footage.path.iterdir())
    assert count_frames(footage) == 12
    assert [(index, index_of(frame)) for index, frame in read_frames(footage, [0, 5, 11])] == [(0, 2), (5, 7), (11, 13)]
    assert [index_of(frame) for _, frame in read_frames(footage)] == list(range(2, 14))


def test_pictures_of_two_sizes_and_beyond_the_end_are_named(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", range(2))
    with pytest.raises(VideoError, match="ends before frame 2; it has 2 pictures"):
        list(read_frames(Footage(folder), [0, 2]))
    numbered_pictures(folder, [2], size=32)
    with pytest.raises(VideoError, match=r"0002\.png has another size"):
        list(read_frames(Footage(folder)))


def test_a_damaged_picture_is_named(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", range(3))
    (folder / "0001.png").write_bytes((folder / "0001.png").read_bytes()[:60])
    (folder / "0002.png").write_bytes(b"")
    for index in (1, 2):
        with pytest.raises(VideoError, match=rf"000{index}\.png"):
            list(read_frames(Footage(folder), [index]))


def test_a_video_with_a_pictures_name_gives_one_frame(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", [0])
    write_video(tmp_path / "long.mp4", (np.full((64, 96, 3), 5 + 8 * t, np.uint8) for t in range(20)))
    (tmp_path / "long.mp4").rename(folder / "0001.png")
    assert [index_of(frame) for _, frame in read_frames(Footage(folder))] == [0, 0]


def test_one_picture_and_one_video_are_footage_too(tmp_path):
    numbered_pictures(tmp_path, [3], "one.png")
    assert info(Footage(tmp_path / "one.png")).width == 96
    assert [(index, index_of(frame)) for index, frame in read_frames(Footage(tmp_path / "one.png"))] == [(0, 3)]
    write_video(tmp_path / "v.mp4", (np.full((64, 96, 3), 5 + 8 * t, np.uint8) for t in range(4)))
    assert info(Footage(tmp_path / "v.mp4")).frames == count_frames(Footage(tmp_path / "v.mp4")) == 4
    assert [index_of(frame) for _, frame in read_frames(Footage(tmp_path / "v.mp4"), [1, 3])] == [1, 3]
    write_video(tmp_path / "v.mkv", (np.full((64, 96, 3), 5 + 8 * t, np.uint8) for t in range(4)))
    assert info(Footage(tmp_path / "v.mkv")).frames == 0  # Matroska's header does not tell
    assert length(Footage(tmp_path / "v.mkv")) == length(Footage(tmp_path / "v.mp4")) == 4


def test_a_file_name_that_looks_like_a_pattern_is_one_picture(tmp_path):
    numbered_pictures(tmp_path, range(3), "{:d}.png")
    numbered_pictures(tmp_path, [7], "%d.png")
    assert [index_of(frame) for _, frame in read_frames(Footage(tmp_path / "%d.png"))] == [7]


def test_a_named_pipe_is_refused_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    folder = numbered_pictures(tmp_path / "clip", [0])
    os.mkfifo(folder / "0001.png")
    for read in (info, count_frames, lambda footage: list(read_frames(footage))):
        with pytest.raises(VideoError, match=r"pipe\.mp4 is not a file"):
            read(Footage(tmp_path / "pipe.mp4"))
    with pytest.raises(VideoError, match=r"0001\.png is not a file"):
        list(read_frames(Footage(folder)))


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nv.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile v.mp4\n"],
    ids=["m3u8", "ffconcat"],
)
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list.avi"])
def test_a_playlist_is_refused(tmp_path, text, name):
    write_video(tmp_path / "v.mp4", [np.zeros((64, 96, 3), np.uint8)] * 30)
    (tmp_path / name).write_text(text)
    for read in (info, count_frames, lambda footage: list(read_frames(footage))):
        with pytest.raises(VideoError, match=f"{name} does not open as a video"):
            read(Footage(tmp_path / name))
