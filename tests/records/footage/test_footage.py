"""Frames on the disk, whatever form they have: videos of every kind, folders of pictures, one picture, links."""

import os

import cv2
import numpy as np
import pytest

from records.errors import DataError
from records.footage.footage import (
    Footage,
    checked,
    count_frames,
    encoded,
    info,
    inside,
    is_picture,
    is_video,
    length,
    numbered,
    printable,
    read_frames,
)
from records.footage.video import Encoding, VideoError, write_video


def pictures(folder, numbers, name="{:04d}.png", size=64):
    """Pictures that tell their own number by their brightness."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        form = ".png" if name.endswith(".png") else ".jpg"
        data = cv2.imencode(form, np.full((size, size + 32, 3), 5 + 8 * number, np.uint8))[1]
        (folder / name.format(number)).write_bytes(data.tobytes())
    return folder


def index_of(frame):
    return round((float(frame.mean()) - 5) / 8)


@pytest.mark.parametrize("name", ["{:04d}.png", "{:03d}", "frame{}.jpg", "2019-05-03 take 2 ({:d}).JPEG"])
def test_a_folder_of_numbered_pictures_is_read_in_the_order_of_their_numbers(tmp_path, name):
    footage = Footage(pictures(tmp_path / "clip", range(2, 14), name))
    header = info(footage)
    assert (header.frames, header.width, header.height, header.seconds) == (12, 96, 64, 0.0)
    assert header.bytes == sum(path.stat().st_size for path in footage.path.iterdir())
    assert count_frames(footage) == 12
    assert [(index, index_of(frame)) for index, frame in read_frames(footage, [0, 5, 11])] == [(0, 2), (5, 7), (11, 13)]
    assert [index_of(frame) for _, frame in read_frames(footage)] == list(range(2, 14))


def test_what_is_no_numbered_picture_is_left_out(tmp_path):
    folder = pictures(tmp_path / "clip", range(3))
    for name in ("notes.txt", ".0003.png", "Thumbs.db", "cover.png", "²³.png"):
        (folder / name).write_bytes(b"x")
    pictures(folder / "0007.png", [0])
    assert [path.name for path in numbered(folder)] == ["0000.png", "0001.png", "0002.png"]


@pytest.mark.parametrize(
    ("numbers", "more", "message"),
    [
        ((0, 1, 3), (), "lacks the picture of number 2"),
        ((0, 1), ("1.jpg",), "two pictures of number 1"),
        ((), (), "no numbered pictures"),
        ((0,), ("9" * 19 + ".png",), "too large a number"),
    ],
)
def test_a_folder_that_is_not_whole_is_named(tmp_path, numbers, more, message):
    folder = pictures(tmp_path / "clip", numbers)
    for name in more:
        (folder / name).write_bytes(b"x")
    for read in (info, count_frames, lambda footage: list(read_frames(footage))):
        with pytest.raises(VideoError, match=f"clip.*{message}"):
            read(Footage(folder))


def test_sampled_frames_may_have_gaps_but_no_doubles(tmp_path):
    folder = pictures(tmp_path / "clip", (0, 15, 31))
    assert [index_of(frame) for _, frame in read_frames(Footage(folder, sampled=True), [0, 2])] == [0, 31]
    (folder / "15.jpg").write_bytes(b"x")
    with pytest.raises(VideoError, match="two pictures of number 15"):
        count_frames(Footage(folder, sampled=True))


def test_a_folder_that_changes_is_looked_at_again(tmp_path):
    folder = pictures(tmp_path / "clip", range(3))
    assert count_frames(Footage(folder)) == 3
    pictures(folder, [3])
    assert count_frames(Footage(folder)) == 4


def test_pictures_of_two_sizes_and_beyond_the_end_are_named(tmp_path):
    folder = pictures(tmp_path / "clip", range(2))
    with pytest.raises(VideoError, match="ends before frame 2; it has 2 pictures"):
        list(read_frames(Footage(folder), [0, 2]))
    pictures(folder, [2], size=32)
    with pytest.raises(VideoError, match=r"0002\.png is of another size"):
        list(read_frames(Footage(folder)))


def test_a_damaged_picture_is_named(tmp_path):
    folder = pictures(tmp_path / "clip", range(3))
    (folder / "0001.png").write_bytes((folder / "0001.png").read_bytes()[:60])
    (folder / "0002.png").write_bytes(b"")
    for index in (1, 2):
        with pytest.raises(VideoError, match=rf"000{index}\.png"):
            list(read_frames(Footage(folder), [index]))


def test_of_a_video_that_bears_a_pictures_name_one_frame_is_read(tmp_path):
    folder = pictures(tmp_path / "clip", [0])
    write_video(tmp_path / "long.mp4", (np.full((64, 96, 3), 5 + 8 * t, np.uint8) for t in range(20)))
    (tmp_path / "long.mp4").rename(folder / "0001.png")
    assert [index_of(frame) for _, frame in read_frames(Footage(folder))] == [0, 0]


def test_one_picture_and_one_video_are_footage_too(tmp_path):
    pictures(tmp_path, [3], "one.png")
    assert info(Footage(tmp_path / "one.png")).width == 96
    assert [(index, index_of(frame)) for index, frame in read_frames(Footage(tmp_path / "one.png"))] == [(0, 3)]
    write_video(tmp_path / "v.mp4", (np.full((64, 96, 3), 5 + 8 * t, np.uint8) for t in range(4)))
    assert info(Footage(tmp_path / "v.mp4")).frames == count_frames(Footage(tmp_path / "v.mp4")) == 4
    assert [index_of(frame) for _, frame in read_frames(Footage(tmp_path / "v.mp4"), [1, 3])] == [1, 3]
    write_video(tmp_path / "v.mkv", (np.full((64, 96, 3), 5 + 8 * t, np.uint8) for t in range(4)))
    assert info(Footage(tmp_path / "v.mkv")).frames == 0  # Matroska's header does not say
    assert length(Footage(tmp_path / "v.mkv")) == length(Footage(tmp_path / "v.mp4")) == 4


def test_a_name_with_a_pattern_in_it_is_one_picture(tmp_path):
    pictures(tmp_path, range(3), "{:d}.png")
    pictures(tmp_path, [7], "%d.png")
    assert [index_of(frame) for _, frame in read_frames(Footage(tmp_path / "%d.png"))] == [7]


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.mp4")
    folder = pictures(tmp_path / "clip", [0])
    os.mkfifo(folder / "0001.png")
    for read in (info, count_frames, lambda footage: list(read_frames(footage))):
        with pytest.raises(VideoError, match=r"pipe\.mp4 is no file"):
            read(Footage(tmp_path / "pipe.mp4"))
    with pytest.raises(VideoError, match=r"0001\.png is no file"):
        list(read_frames(Footage(folder)))


@pytest.mark.parametrize(
    "text",
    ["#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nv.mp4\n#EXT-X-ENDLIST\n", "ffconcat version 1.0\nfile v.mp4\n"],
    ids=["m3u8", "ffconcat"],
)
@pytest.mark.parametrize("name", ["list.mp4", "list.m3u8", "list.avi"])
def test_a_list_that_names_another_file_is_refused(tmp_path, text, name):
    write_video(tmp_path / "v.mp4", [np.zeros((64, 96, 3), np.uint8)] * 30)
    (tmp_path / name).write_text(text)
    for read in (info, count_frames, lambda footage: list(read_frames(footage))):
        with pytest.raises(VideoError, match=f"{name} does not open as a video"):
            read(Footage(tmp_path / name))


def test_frames_are_encoded_anew_at_the_rate_asked_for(tmp_path, clip_frames):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number, frame in enumerate(clip_frames(1, 24)):
        (folder / f"{number:03d}").write_bytes(cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes())
    for codec, share in (("h264", 0.1), ("mpeg4", 0.07)):
        footage = Footage(folder, Encoding(codec, "yuv420p", share * 160 * 160, 25.0))
        made = encoded(footage, tmp_path / f"{codec}.avi")
        assert made == Footage(tmp_path / f"{codec}.avi")
        header = info(made)
        assert (header.codec, header.frames, header.width) == (codec, 24, 160)
        wanted = footage.encoding.bytes_a_frame
        assert Encoding.like(made.path).bytes_a_frame == pytest.approx(wanted, rel=0.05)
        again = encoded(footage, tmp_path / "again.avi")
        assert again.path.read_bytes() == made.path.read_bytes()
    with pytest.raises(ValueError, match="has no encoding"):
        encoded(Footage(folder), tmp_path / "x.avi")


def test_an_encoding_that_is_not_to_be_had_is_named(tmp_path):
    folder = pictures(tmp_path / "clip", range(2))
    with pytest.raises(DataError, match=r"x\.avi cannot be encoded like its twin"):
        encoded(Footage(folder, Encoding("mpeg4", "nonsense", 100.0, 25.0)), tmp_path / "x.avi")
    with pytest.raises(VideoError, match="nothing to encode others like"):
        Encoding.like(pictures(tmp_path, [1], "{}.png") / "1.png")


def test_links_out_of_the_root_are_refused(tmp_path):
    root, outside = pictures(tmp_path / "root/clip", range(3)).parent, tmp_path / "secret.png"
    outside.write_bytes(b"x")
    (root / "in.png").symlink_to(root / "clip" / "0000.png")
    (root / "out.png").symlink_to(outside)
    (root / "circle.png").symlink_to(root / "circle.png")
    assert checked(root / "in.png", root) == root / "in.png"
    assert checked(root / "clip", root) == root / "clip"
    assert checked(root / "missing.png", root) == root / "missing.png"
    assert inside(root / "clip", root.resolve())
    with pytest.raises(
        DataError, match=r"out\.png is a link that leads out of .*root; copy the file, or give --follow"
    ):
        checked(root / "out.png", root)
    checked(root / "circle.png", root)  # leads nowhere, which reading it will tell
    (root / "clip" / "0003.png").symlink_to(outside)
    with pytest.raises(DataError, match=r"0003\.png is a link that leads out"):
        checked(root / "clip", root)


def test_names_tell_what_a_file_is(tmp_path):
    assert is_video(tmp_path / "A.MP4")
    assert is_video(tmp_path / "a.avi")
    assert is_picture(tmp_path / "a.JPeG")
    assert not is_picture(tmp_path / "001")
    assert not is_video(tmp_path / "a.txt")
    assert printable("naïve ütterance.mp4") == "naïve ütterance.mp4"
    assert printable(b"na\xefve.mp4".decode("utf-8", "surrogateescape")) == "na?ve.mp4"
