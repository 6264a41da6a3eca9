"""Videos: what is written is read back, the same frames give the same bytes, and damage is named."""

import av
import cv2
import numpy as np
import pytest

from records.footage.video import VideoError, count_frames, evenly_spaced, info, read_frames, write_video


def numbered(count=30, height=64, width=96):
    """Frames that tell their own index by their brightness: 5 + 8 * index."""
    for index in range(count):
        frame = np.full((height, width, 3), 5 + 8 * index, np.uint8)
        frame[:8, :8] = (250, 10, 10)
        yield frame


def index_of(frame):
    return round((float(frame[16:, 16:].mean()) - 5) / 8)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "clip.mp4"
    write_video(path, numbered(), crf=23)
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


@pytest.mark.parametrize("crf", [0, 23, 40])
def test_the_same_frames_give_the_same_bytes(tmp_path, crf):
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, numbered(10), crf=crf)
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
    ("total", "count", "expected"),
    [
        (10, 5, [1, 3, 5, 7, 9]),  # spans of 2, their middles
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


def test_what_is_no_video_is_named(tmp_path):
    text, empty = tmp_path / "text.mp4", tmp_path / "empty.mp4"
    text.write_text("not a video " * 100)
    empty.write_bytes(b"")
    for path in (text, empty, tmp_path / "missing.mp4"):
        for read in (info, count_frames, lambda path: list(read_frames(path))):
            with pytest.raises(VideoError, match=path.name):
                read(path)


def test_sound_alone_is_no_video(tmp_path):
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
    """A copy that opens even when its end is lost, as downloaded videos do."""
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
    write_video(path, numbered(4))
    before = path.read_bytes()

    def broken():
        yield from numbered(2)
        raise RuntimeError("the source of the frames broke")

    with pytest.raises(RuntimeError, match="broke"):
        write_video(path, broken())
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(VideoError, match="cannot be written"):
        write_video(tmp_path / "nowhere" / "x.mp4", numbered(2))


def test_a_full_disk_is_named(tmp_path):
    full = tmp_path / "full"
    full.symlink_to("/dev/full")
    temporary = tmp_path / ".x.tmp.mp4"
    temporary.symlink_to("/dev/full")
    rng = np.random.default_rng(0)
    with pytest.raises(VideoError, match="Is the disk full"):
        write_video(tmp_path / "x.mp4", rng.integers(0, 256, (40, 256, 256, 3), dtype=np.uint8), crf=0)
    assert not (tmp_path / "x.mp4").exists()


def test_what_a_process_wrote_before_changes_no_byte(tmp_path):
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
