"""Copies of videos with drawn-on frames: same times, same sound, upright."""

import av
import numpy as np
import pytest

from records.footage import VideoError, info, quantizer, read_frames, redraw, write_video
from tests.records.footage.pictures import index_of, plain_frames
from tests.records.footage.videos import encode, turned


def untouched(index, frame):
    return frame


def negative(index, frame):
    return 255 - frame


def times(path):
    with av.open(str(path)) as container:
        return [float(frame.pts * frame.time_base) for frame in container.decode(video=0)]


def packets_of_sound(path):
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def with_sound(path, frames, codec):
    """A video at 25 frames a second with a second of noise."""
    rng = np.random.default_rng(0)
    with av.open(str(path), "w") as container:
        picture = container.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        picture.height, picture.width, picture.pix_fmt = *frames[0].shape[:2], "yuv420p"
        sound = container.add_stream(codec, rate=48000, layout="mono")
        for frame in frames:
            container.mux(picture.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(picture.encode(None))
        for start in range(0, 48000, 960):
            noise = rng.integers(-3000, 3000, (1, 960), np.int16)
            piece = av.AudioFrame.from_ndarray(noise, format="s16", layout="mono")
            piece.sample_rate, piece.pts = 48000, start
            container.mux(sound.encode(piece))
        container.mux(sound.encode(None))


def test_every_frame_is_drawn_on_at_its_own_time(tmp_path):
    source = tmp_path / "source.mp4"
    encode(source, list(plain_frames())[:4], times=[0, 40, 300, 350])  # a variable frame rate
    copy = redraw(source, tmp_path / "copy", negative)
    assert copy == tmp_path / "copy.mp4"
    assert times(copy) == pytest.approx([0, 0.04, 0.3, 0.35], abs=2e-3)
    shown = [frame for _, frame in read_frames(copy)]
    assert [index_of(255 - frame) for frame in shown] == [0, 1, 2, 3]


@pytest.mark.parametrize(("codec", "suffix"), [("aac", ".mp4"), ("pcm_s16le", ".mkv")])
def test_the_sound_is_the_same(tmp_path, codec, suffix):
    source = tmp_path / "source.mkv"
    with_sound(source, list(plain_frames())[:25], codec)
    copy = redraw(source, tmp_path / "copy", untouched)
    assert copy.suffix == suffix
    assert packets_of_sound(copy) == packets_of_sound(source) != []
    assert len(times(copy)) == 25


def test_a_telephones_video_is_upright_and_an_odd_row_is_left_out(tmp_path):
    source = tmp_path / "source.mp4"
    turned(source, [frame[:, :94] for frame in list(plain_frames())[:2]])
    sizes = []
    copy = redraw(source, tmp_path / "copy", lambda index, frame: sizes.append(frame.shape) or frame)
    assert sizes == [(64, 94, 3)] * 2
    assert (info(copy).height, info(copy).width) == (64, 94)
    odd = tmp_path / "odd.mkv"
    encode(odd, [np.zeros((33, 47, 3), np.uint8)] * 2, codec="ffv1")
    assert info(redraw(odd, tmp_path / "even", untouched)).height == 32


def test_of_a_cut_video_the_whole_frames_are_copied(tmp_path):
    source = tmp_path / "source.mkv"
    encode(source, plain_frames(), codec="libx264")
    source.write_bytes(source.read_bytes()[: source.stat().st_size // 2])
    assert 0 < info(redraw(source, tmp_path / "copy", untouched)).frames < 30


def test_what_is_no_video_is_refused_and_nothing_is_left(tmp_path):
    source = tmp_path / "source.mp4"
    source.write_bytes(b"\0" * 50)
    with pytest.raises(VideoError, match=r"source\.mp4"):
        redraw(source, tmp_path / "copy", untouched)
    assert [path.name for path in tmp_path.iterdir()] == ["source.mp4"]


def test_the_quantizer_grows_with_the_crf(tmp_path):
    found = []
    for crf in (0, 23, 40):
        rng = np.random.default_rng(0)
        frames = [rng.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(3)]
        write_video(tmp_path / f"{crf}.mp4", frames, crf=crf)
        found.append(quantizer(tmp_path / f"{crf}.mp4"))
    assert found[0] == 0
    assert 20 < found[1] < 34 < found[2] <= 51


def test_other_codecs_tell_no_quantizer(tmp_path):
    encode(tmp_path / "clip.avi", list(plain_frames())[:2], codec="mpeg4")
    assert quantizer(tmp_path / "clip.avi") is None
