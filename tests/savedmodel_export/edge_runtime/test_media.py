"""Reading images and videos: what is decoded, and which files are refused before they are opened or decoded."""

import os
import struct
import time
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from savedmodel_export.edge_runtime.errors import EdgeError
from savedmodel_export.edge_runtime.media import MAX_SCANS, read, shown

LEFT_HALF = np.zeros((48, 64, 3), np.uint8)  # RGB: red on the left, and a green stripe on top
LEFT_HALF[:, :32, 0] = 255
LEFT_HALF[:12, :, 1] = 255


def frames(path, count=10):
    kind, found = read(path, count)
    return kind, list(found)


def jpeg(image=LEFT_HALF):
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()


def oriented(data, orientation):
    """The JPEG with an EXIF block that says so."""
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    block = b"Exif\0\0II*\0\x08\0\0\0" + struct.pack("<H", 1) + entry + bytes(4)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(block)) + block + data[2:]


def video(path, count=5):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for index in range(count):
        writer.write(np.full((48, 64, 3), 40 * index, np.uint8))
    writer.release()
    return path


UPRIGHT = {  # EXIF orientation -> what makes the upright image of the stored one
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: x.swapaxes(0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(x, 2).swapaxes(0, 1),
    8: np.rot90,
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_images_are_upright_as_their_exif_orientation_says(tmp_path, orientation):
    path = tmp_path / "face.jpg"
    path.write_bytes(oriented(jpeg(), orientation))
    kind, ((index, found),) = frames(path)
    assert (kind, index) == ("image", 0)
    expected = UPRIGHT[orientation](LEFT_HALF)
    assert found.shape == expected.shape
    assert np.abs(found.astype(int) - expected).mean() < 8


def test_an_image_is_known_by_its_content(tmp_path):
    (tmp_path / "face.mp4").write_bytes(jpeg())
    assert frames(tmp_path / "face.mp4")[0] == "image"


def test_frames_of_a_video_are_read_one_at_a_time(tmp_path):
    kind, found = read(video(tmp_path / "clip.avi"), 2)
    assert kind == "video"
    index, frame = next(found)
    assert (index, frame.shape) == (1, (48, 64, 3))
    assert next(found)[0] == 3


def timed(path, codec, times):
    """A video of noise around another grey in each frame, which are shown at these times, in 25ths of a second."""
    noise = np.random.default_rng(0).integers(-20, 21, (len(times), 48, 64, 1))
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for index, time_ in enumerate(times):
            image = np.repeat(20 + 20 * index + noise[index], 3, axis=2).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = time_, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


EVEN, UNEVEN = list(range(10)), [0, 3, 40, 41, 60, 99, 100, 101, 102, 150]
VIDEOS = [("clip.mkv", "ffv1"), ("clip.webm", "libvpx"), ("clip.avi", "mpeg4"), ("clip.mp4", "libx264")]


@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize(("name", "codec"), VIDEOS)
def test_frames_are_spaced_by_their_number_however_long_each_is_shown(tmp_path, name, codec, times):
    kind, found = frames(timed(tmp_path / name, codec, times), 3)
    assert (kind, [index for index, _ in found]) == ("video", [1, 5, 8])
    for index, frame in found:
        assert abs(frame.mean() - 20 - 20 * index) < 6


@pytest.mark.parametrize("times", [EVEN, UNEVEN], ids=["even", "uneven"])
@pytest.mark.parametrize(("name", "codec"), VIDEOS)
def test_a_video_that_is_cut_off_is_refused(tmp_path, name, codec, times):
    path = timed(tmp_path / name, codec, times)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    refused(path, "is no video" if name == "clip.mp4" else "is cut off: its header says")


def refused(path, message):
    with pytest.raises(EdgeError) as caught:
        frames(path)
    assert str(caught.value).startswith(f"{shown(path)} ")
    assert message in str(caught.value)


def png_header(width, height):
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", 0)


@pytest.mark.parametrize("side", [16000, 2**31 - 1])
def test_a_huge_image_is_refused_by_its_header(tmp_path, side):
    (tmp_path / "huge.png").write_bytes(png_header(side, side))
    refused(tmp_path / "huge.png", f"has {side} x {side} pixels; at most")


def test_a_whole_png_of_16000_x_16000_pixels_is_not_decoded(tmp_path):
    ok, data = cv2.imencode(".png", np.zeros((16000, 16000), np.uint8), [cv2.IMWRITE_PNG_COMPRESSION, 1])
    assert ok
    (tmp_path / "large.png").write_bytes(data.tobytes())
    started = time.process_time()
    refused(tmp_path / "large.png", "has 16000 x 16000 pixels")
    assert time.process_time() - started < 0.2  # decoding takes 0.6 s and 770 MB


def test_what_opencv_raises_is_an_edge_error(tmp_path):
    (tmp_path / "cut.png").write_bytes(png_header(64, 64))
    refused(tmp_path / "cut.png", "is no image that OpenCV can decode")
    (tmp_path / "scans.jpg").write_bytes(jpeg() + b"\xff\xda" * (MAX_SCANS + 1))
    refused(tmp_path / "scans.jpg", "scans")
    (tmp_path / "photo.exr").write_bytes(b"\x76\x2f\x31\x01" + bytes(99))
    refused(tmp_path / "photo.exr", "is no video that OpenCV can decode")


def test_folders_pipes_and_what_is_not_there(tmp_path):
    refused(tmp_path / "absent.png", "does not exist")
    refused(tmp_path, "is a folder")
    os.mkfifo(tmp_path / "pipe.mp4")
    refused(tmp_path / "pipe.mp4", "is no regular file but a named pipe")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    refused(tmp_path / "loop.png", "cannot be read")


PLAYLISTS = {
    "list.m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nclip.avi\n#EXT-X-ENDLIST\n",
    "list.ffconcat": "ffconcat version 1.0\nfile clip.avi\n",
    "list.mp4": "ffconcat version 1.0\nfile clip.avi\n",
    "list.sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=video 5004 RTP/AVP 96\n",
    "list.mpd": '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"></MPD>',
}


@pytest.mark.parametrize("name", PLAYLISTS)
def test_playlists_are_not_opened(tmp_path, name):
    clip = video(tmp_path / "clip.avi")
    os.utime(clip, (0, 0))
    (tmp_path / name).write_text(PLAYLISTS[name])
    refused(tmp_path / name, "is no video that OpenCV can decode")


@pytest.mark.parametrize("suffix", [".avi", ".png"])
def test_a_name_that_is_no_utf8_is_read_and_written_with_escapes(tmp_path, suffix):
    source = video(tmp_path / "clip.avi")
    path = tmp_path / os.fsdecode(b"clip-\xff\xe9" + suffix.encode())
    path.write_bytes(source.read_bytes() if suffix == ".avi" else jpeg())
    assert shown(path) == f"{tmp_path}/clip-\\xff\\xe9{suffix}"
    assert len(frames(path)[1]) == (5 if suffix == ".avi" else 1)
    path.write_bytes(b"nothing")
    refused(path, "that OpenCV can decode")
