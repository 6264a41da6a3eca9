"""Writing videos: the same frames give the same bytes, the size is as asked for, and files are written atomically."""

import contextlib
import resource

import cv2
import numpy as np
import pytest

from records.errors import DataError
from records.footage import Encoding, Footage, VideoError, encoded, info, read_frames, write_encoded, write_video
from tests.records.footage.pictures import numbered_pictures, plain_frames


@pytest.mark.parametrize("crf", [0, 23, 40])
def test_the_same_frames_give_the_same_bytes(tmp_path, crf):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, plain_frames(10), crf=crf)
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.mp4", "b.mp4"]


def test_a_higher_crf_is_a_smaller_and_worse_video(tmp_path):
    noise = list(np.random.default_rng(0).integers(0, 256, (4, 64, 64, 3), dtype=np.uint8))
    sizes, errors = [], []
    for crf in (0, 23, 40):
        write_video(tmp_path / "x.mp4", noise, crf=crf)
        sizes.append((tmp_path / "x.mp4").stat().st_size)
        gray = [frame.mean(-1) for _, frame in read_frames(tmp_path / "x.mp4")]
        errors.append(np.abs(np.array(gray) - np.mean(noise, axis=-1)).mean())
    assert sizes == sorted(sizes, reverse=True)
    assert errors == sorted(errors)


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "no frames"),
        ([np.zeros((63, 64, 3), np.uint8)], "even sides"),
        ([np.zeros((64, 64, 3), np.uint8), np.zeros((64, 62, 3), np.uint8)], "the first was"),
        ([np.zeros((64, 64, 3), np.float32)], "float32"),
    ],
)
def test_frames_that_cannot_be_written_leave_nothing_behind(tmp_path, frames, message):
    with pytest.raises(VideoError, match=message):
        write_video(tmp_path / "x.mp4", frames)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_keeps_the_video_that_was_there(tmp_path):
    path = tmp_path / "x.mp4"
    write_video(path, plain_frames(4))
    before = path.read_bytes()

    def broken():
        yield from plain_frames(2)
        raise RuntimeError("the source of the frames broke")

    with pytest.raises(RuntimeError, match="broke"):
        write_video(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_made(tmp_path):
    write_video(tmp_path / "new" / "x.mp4", plain_frames(2))
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["x.mp4"]


@contextlib.contextmanager
def files_of_at_most(size):
    """Limits files to `size` bytes, which acts like a full disk on a writer."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_full_disk_is_named(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), dtype=np.uint8)
    encoding = Encoding("mpeg4", "yuv420p", 20000.0, 25.0)
    with files_of_at_most(50_000):
        with pytest.raises(DataError, match=r"x\.mp4 cannot be written.* too large"):
            write_video(tmp_path / "x.mp4", noise, crf=0)
        with pytest.raises(DataError, match=r"x\.avi cannot be (written|encoded).* too large"):
            write_encoded(tmp_path / "x.avi", lambda: noise, encoding)
    assert list(tmp_path.iterdir()) == []


def test_videos_written_before_in_the_same_process_change_no_byte(tmp_path):
    rng = np.random.default_rng(1)
    clips = [[cv2.GaussianBlur(frame, (0, 0), 3) for frame in rng.integers(0, 256, (2, 96, 96, 3), np.uint8)]]
    clips += [list(rng.integers(0, 256, (2, 96, 96, 3), np.uint8)) for _ in range(3)]
    written = [set() for _ in clips]
    for repeat in range(6):
        for number, frames in enumerate(clips):
            for crf in (0, 40) if repeat % 2 else (40, 0):
                write_video(tmp_path / "clip.mp4", frames, crf=crf, preset="veryfast")
                written[number].add((crf, (tmp_path / "clip.mp4").read_bytes()))
    assert [len(contents) for contents in written] == [2] * len(clips)


def test_frames_are_encoded_again_with_the_size_of_the_other_video(tmp_path, clip_frames):
    folder = tmp_path / "clip"
    folder.mkdir()
    for number, frame in enumerate(clip_frames(1, 12)):
        (folder / f"{number:03d}").write_bytes(cv2.imencode(".jpg", frame[..., ::-1])[1].tobytes())
    for codec, share in (("h264", 0.1), ("mpeg4", 0.07)):
        footage = Footage(folder, Encoding(codec, "yuv420p", share * 160 * 160, 25.0))
        made = encoded(footage, tmp_path / f"{codec}.avi")
        assert made == Footage(tmp_path / f"{codec}.avi")
        header = info(made)
        assert (header.codec, header.frames, header.width) == (codec, 12, 160)
        wanted = footage.encoding.bytes_a_frame
        assert Encoding.like(made.path).bytes_a_frame == pytest.approx(wanted, rel=0.05)
    again = encoded(footage, tmp_path / "again.avi")
    assert again.path.read_bytes() == made.path.read_bytes()
    with pytest.raises(ValueError, match="has no encoding"):
        encoded(Footage(folder), tmp_path / "x.avi")


def test_an_encoding_that_the_encoder_refuses_is_named(tmp_path):
    folder = numbered_pictures(tmp_path / "clip", range(2))
    with pytest.raises(DataError, match=r"x\.avi cannot be encoded like its twin"):
        encoded(Footage(folder, Encoding("mpeg4", "nonsense", 100.0, 25.0)), tmp_path / "x.avi")
    with pytest.raises(VideoError, match="with which no twin can be encoded"):
        Encoding.like(numbered_pictures(tmp_path, [1], "{}.png") / "1.png")
