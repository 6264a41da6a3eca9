"""Reading videos: headers, frames by their index, evenly spaced frames, and errors that name the file."""

import av
import numpy as np
import pytest

from records.footage import VideoError, count_frames, evenly_spaced, info, read_frames, write_video
from tests.records.footage.pictures import index_of, plain_frames, scene
from tests.records.footage.videos import encode, frames_of


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    write_video(path, plain_frames(), crf=23)
    return path


def test_headers(video):
    header = info(video)
    assert (header.frames, header.width, header.height, header.fps) == (30, 96, 64, 25.0)
    assert (header.codec, header.pix_fmt, header.bytes) == ("h264", "yuv420p", video.stat().st_size)
    assert header.seconds == pytest.approx(30 / 25)


def test_frames_come_with_their_index_and_in_rgb(video):
    frames = list(read_frames(video, [0, 7, 29]))
    assert [index for index, _ in frames] == [0, 7, 29] == [index_of(frame) for _, frame in frames]
    assert frames[0][1].dtype == np.uint8
    assert frames[0][1].shape == (64, 96, 3)
    red, green, blue = frames[0][1][2:6, 2:6].reshape(-1, 3).mean(0)
    assert red > 200 > 80 > max(green, blue)


def test_all_frames_without_indices(video):
    assert [index for index, _ in read_frames(video)] == list(range(30))
    assert list(read_frames(video, [])) == []
    assert count_frames(video) == 30


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (10, 5, [1, 3, 5, 7, 9]),  # the middles of spans of 2
        (100, 4, [12, 37, 62, 87]),  # middles 12.5, 37.5, ...
        (9, 3, [1, 4, 7]),
        (5, 1, [2]),
        (3, 3, [0, 1, 2]),
        (3, 200, [0, 1, 2]),
        (0, 10, []),
    ],
)
def test_evenly_spaced_over_the_whole_video(total, count, expected):
    indices = evenly_spaced(total, count)
    assert indices.dtype == np.int64
    assert indices.tolist() == expected


@pytest.mark.parametrize("total", [10, 77, 999])
@pytest.mark.parametrize("count", [2, 10, 200])
def test_spacing_is_even_and_reaches_both_ends(total, count):
    indices = evenly_spaced(total, count)
    gaps = np.diff(indices)
    assert len(indices) == min(total, count)
    assert gaps.min() >= 1
    assert gaps.max() - gaps.min() <= 1
    assert abs(indices[0] - (total - 1 - indices[-1])) <= 1


@pytest.mark.parametrize(("total", "count"), [(-1, 3), (3, 0)])
def test_impossible_counts_are_refused(total, count):
    with pytest.raises(ValueError, match=f"total={total}, count={count}"):
        evenly_spaced(total, count)


def test_a_frame_beyond_the_end_is_named(video):
    with pytest.raises(VideoError, match=r"clip\.mp4 ends before frame 30"):
        list(read_frames(video, [3, 30]))


def test_indices_must_increase(video):
    with pytest.raises(ValueError, match="must increase"):
        list(read_frames(video, [3, 3]))


def test_a_file_that_is_not_a_video_is_named(tmp_path):
    text, empty = tmp_path / "text.mp4", tmp_path / "empty.mp4"
    text.write_text("not a video " * 100)
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path / "missing.mp4"):
        for read in (info, count_frames, lambda path: list(read_frames(path))):
            with pytest.raises(VideoError, match=path.name):
                read(path)


def test_a_file_without_a_video_stream_is_refused(tmp_path):
    path = tmp_path / "sound.wav"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), format="s16", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode(None))
    with pytest.raises(VideoError, match="no video stream"):
        info(path)


def with_index_in_front(video, path):
    """A copy with its index at the start, like downloaded videos: it opens even if its end is lost."""
    with av.open(str(video)) as source, av.open(str(path), "w", options={"movflags": "faststart"}) as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is not None:
                packet.stream = copy
                target.mux(packet)
    return path


@pytest.mark.parametrize("faststart", [False, True])
def test_a_video_that_is_cut_off_is_named(tmp_path, faststart):
    whole = tmp_path / "whole.mp4"
    rng = np.random.default_rng(0)
    write_video(whole, rng.integers(0, 256, (12, 64, 64, 3), dtype=np.uint8))
    if faststart:
        whole = with_index_in_front(whole, tmp_path / "faststart.mp4")
        assert count_frames(whole) == 12
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size * 6 // 10])
    if faststart:
        assert info(path).frames == 12
    with pytest.raises(VideoError, match=r"cut\.mp4"):
        list(read_frames(path, [11]))


@pytest.mark.parametrize(
    ("matrix", "shown"),
    [
        ((-1, 0, 0, 1), np.fliplr),
        ((1, 0, 0, -1), np.flipud),
        ((0, 1, 1, 0), lambda image: np.swapaxes(image, 0, 1)),
        ((0, 1, -1, 0), lambda image: np.rot90(image, -1)),
        ((-1, 0, 0, -1), lambda image: np.rot90(image, 2)),
    ],
    ids=["mirrored", "upside down", "transposed", "clockwise", "turned round"],
)
def test_videos_are_turned_and_mirrored_by_their_display_matrix(tmp_path, matrix, shown):
    image = scene()
    encode(tmp_path / "plain.mp4", [image] * 2)
    encode(tmp_path / "turned.mp4", [image] * 2, matrix=matrix)
    for plain, turned in zip(frames_of(tmp_path / "plain.mp4"), frames_of(tmp_path / "turned.mp4"), strict=True):
        np.testing.assert_array_equal(turned, shown(plain))
