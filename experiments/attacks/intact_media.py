"""The intact pictures and videos from which hostile files are made: one drawn person in every format."""

from __future__ import annotations

import functools
import io
from collections.abc import Sequence
from fractions import Fraction

import av
import cv2
import numpy as np

from records.forge.people import Pose, draw, make_person

SIDE, FRAMES = 240, 6
PICTURES = (".png", ".jpg", ".bmp", ".webp", ".tiff")
VIDEOS = {  # name -> container's ending, codec, pixel format
    "h264": (".mp4", "libx264", "yuv420p"),
    "mpeg4": (".avi", "mpeg4", "yuv420p"),
    "mjpeg": (".avi", "mjpeg", "yuvj420p"),
    "ffv1": (".mkv", "ffv1", "yuv420p"),
    "gif": (".gif", "gif", "rgb8"),
}


@functools.cache
def portrait() -> np.ndarray:
    """A drawn person, RGB uint8 (SIDE, SIDE, 3), darker to the right so that left and right, top and bottom differ."""
    image, _ = draw(make_person(0, "000"), Pose(), SIDE, SIDE)
    light = np.linspace(1, 0.8, SIDE)[None, :, None]
    return np.clip(image * light, 0, 255).astype(np.uint8)


def moving(image: np.ndarray | None = None, count: int = FRAMES) -> list[np.ndarray]:
    """Frames of the person, who moves to the side; in the format of `image`."""
    image = portrait() if image is None else image
    return [np.roll(image, 3 * index, axis=1) for index in range(count)]


def picture(ending: str, image: np.ndarray | None = None) -> bytes:
    """A picture file, lossless except .jpg and .webp.

    Args:
        ending: one of PICTURES.
        image: RGB or gray; the portrait by default.
    """
    image = portrait() if image is None else image
    bgr = image[..., ::-1] if image.ndim == 3 and image.shape[2] == 3 else image
    options = [cv2.IMWRITE_JPEG_QUALITY, 98] if ending == ".jpg" else []
    return cv2.imencode(ending, np.ascontiguousarray(bgr), options)[1].tobytes()


def video(name: str, frames: Sequence[np.ndarray] | None = None, times: Sequence[int] | None = None) -> bytes:
    """A video file.

    Args:
        name: one of VIDEOS.
        frames: RGB uint8; the moving person by default.
        times: presentation time of each frame, in units of one frame; 0, 1, 2, ... by default.
    """
    ending, codec, pixels = VIDEOS[name]
    frames = moving() if frames is None else frames
    file = io.BytesIO()
    formats = {".mp4": "mp4", ".avi": "avi", ".mkv": "matroska", ".gif": "gif"}
    with av.open(file, "w", format=formats[ending]) as container:
        stream = container.add_stream(codec, rate=Fraction(25))
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.thread_count = 1
        if name == "h264":
            stream.options = {"crf": "10", "preset": "veryfast"}
        elif name in ("mpeg4", "mjpeg"):
            stream.bit_rate = 8_000_000
        for index, frame in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            shown.pts, shown.time_base = index if times is None else times[index], Fraction(1, 25)
            container.mux(stream.encode(shown))
        container.mux(stream.encode(None))
    return file.getvalue()


@functools.cache
def intact_files() -> dict[str, tuple[str, bytes]]:
    """Name of each format -> (ending, content)."""
    pictures = {ending[1:]: (ending, picture(ending)) for ending in PICTURES}
    return pictures | {name: (ending, video(name)) for name, (ending, *_) in VIDEOS.items()}


def audio_only(ending: str) -> bytes:
    """A file with audio and without a picture, WAV or MP4."""
    file = io.BytesIO()
    codec, format_ = ("pcm_s16le", "wav") if ending == ".wav" else ("aac", "mp4")
    with av.open(file, "w", format=format_) as container:
        stream = container.add_stream(codec, rate=44100)
        wave = (3000 * np.sin(np.arange(44100) / 20)).astype(np.int16)[None]
        frame = av.AudioFrame.from_ndarray(wave, format="s16", layout="mono")
        frame.sample_rate, frame.pts = 44100, 0
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return file.getvalue()


def jpegs_as_avi(pictures: Sequence[bytes]) -> bytes:
    """An AVI of unchanged JPEG files, which may differ in size."""
    file = io.BytesIO()
    with av.open(file, "w", format="avi") as container:
        stream = container.add_stream("mjpeg", rate=25)
        stream.width = stream.height = SIDE
        stream.pix_fmt = "yuvj420p"
        for index, data in enumerate(pictures):
            packet = av.Packet(data)
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, index, index, Fraction(1, 25)
            packet.is_keyframe = True
            container.mux(packet)
    return file.getvalue()
