"""Reading few frames from key frames gives the same frames as decoding everything."""

import numpy as np
import pytest

from records.footage import VideoError, frame_times, read_frames, read_spaced
from records.footage.seeking import FrameTimes, cheaper_by_seeking
from tests.records.footage.videos import encode, turned

LENGTH = 150
WANTED = [3, 75, 76, 140]


def frames(count=LENGTH):
    """Grey levels that tell the number of the frame."""
    return [np.full((48, 64, 3), 40 + number, np.uint8) for number in range(count)]


@pytest.mark.parametrize(
    ("name", "codec"),
    [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx-vp9"), ("b.mkv", "libx265"), ("a.avi", "mjpeg")],
)
def test_the_same_frames_by_seeking(tmp_path, name, codec, monkeypatch):
    monkeypatch.setattr("records.footage.seeking.cheaper_by_seeking", lambda indices, times: True)
    path = tmp_path / name
    encode(path, frames(), codec=codec, pix_fmt="yuvj420p" if codec == "mjpeg" else "yuv420p")
    times = frame_times(path)
    assert len(times.stamps) == LENGTH
    expected = dict(read_frames(path, WANTED))
    found = dict(read_spaced(path, WANTED, times))
    assert list(found) == WANTED
    for index in WANTED:
        np.testing.assert_array_equal(found[index], expected[index])


def test_odd_times_and_a_telephones_rotation(tmp_path, monkeypatch):
    monkeypatch.setattr("records.footage.seeking.cheaper_by_seeking", lambda indices, times: True)
    encode(tmp_path / "odd.mkv", frames(5), times=[0, 10, 900, 910, 2000])
    (found,) = read_spaced(tmp_path / "odd.mkv", [3], frame_times(tmp_path / "odd.mkv"))
    assert found[0] == 3
    turned(tmp_path / "turned.mp4", [frame[:, :32] for frame in frames(3)])
    ((_, frame),) = read_spaced(tmp_path / "turned.mp4", [2], frame_times(tmp_path / "turned.mp4"))
    assert frame.shape == (48, 32, 3)


def test_seeking_is_chosen_only_where_it_decodes_less():
    times = FrameTimes(list(range(0, 10000, 10)), list(range(0, 10000, 500)))  # a key frame every 50 frames
    assert times.starts([0, 49, 50, 999]) == [0, 0, 50, 950]
    assert cheaper_by_seeking([0, 500, 999], times)
    assert not cheaper_by_seeking(list(range(0, 1000, 5)), times)
    assert not cheaper_by_seeking([], times)


def test_what_is_cut_or_has_no_times_of_its_own(tmp_path):
    encode(tmp_path / "raw.h264", frames(5))
    assert frame_times(tmp_path / "raw.h264") is None
    assert [index for index, _ in read_spaced(tmp_path / "raw.h264", [4], None)] == [4]
    path = tmp_path / "a.mkv"
    encode(path, frames())
    with pytest.raises(VideoError, match=r"a\.mkv ends before frame"):
        list(read_spaced(path, [1, 170], FrameTimes([*frame_times(path).stamps, *range(10**6, 10**6 + 50)], [0])))
