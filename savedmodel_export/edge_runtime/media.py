"""Reads frames of images and videos with OpenCV, from files that may be damaged or malicious."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from .errors import EdgeError
from .headers import ENDINGS, image_size, is_image

MAX_PIXELS = 2**26  # of one image or frame: 8192 x 8192
MAX_BYTES = 2**29  # of an image file; 8192 x 8192 pixels of 16 bits without compression are less
MAX_SCANS = 64  # of a JPEG; a small file may hold thousands, each of which is a pass over all pixels
# FFmpeg's names of the formats that it may open: containers that hold the video themselves. Playlists are not among
# them, because they make FFmpeg open other files and addresses.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,avi,matroska,webm,mpeg,mpegts,mpegvideo,flv,asf,ogg,m4v,h264,hevc,ivf,mjpeg,"
    "yuv4mpegpipe,gif"
)
FFMPEG = {
    "OPENCV_FFMPEG_CAPTURE_OPTIONS": f"format_whitelist;{FORMATS}|protocol_whitelist;file",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",  # FFmpeg prints nothing; a broken file raises an error instead
}
# Bytes 4 to 8 of an MP4 or MOV, whose header holds the number of frames.
COUNTED = (b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide")
MISSING_PART = 20  # a video that lacks more than one part in this many at its end is cut off
Frame = tuple[int, np.ndarray]


def read(path: Path, count: int) -> tuple[str, Iterator[Frame]]:
    """The frames of a file: the one of an image, or evenly spaced ones of a video.

    Args:
        path: a JPEG, PNG, BMP, WebP or TIFF (whatever its name), or a video.
        count: number of frames of a video, evenly spaced over its length.

    Returns:
        ("image" or "video", an iterator of (index of the frame, uint8 (H, W, 3) RGB), which reads one at a time)

    Raises:
        EdgeError: the path is missing or not a regular file, the image is too large, or the file cannot be decoded. For
            videos the iterator raises it, also for a video that is cut off.
    """
    try:
        mode = path.stat().st_mode
    except OSError as error:
        reason = "does not exist" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        raise EdgeError(f"{shown(path)} {reason}.") from error
    if not stat.S_ISREG(mode):  # opening a named pipe would never return
        kind = "a folder" if stat.S_ISDIR(mode) else "no regular file but a named pipe or a device"
        raise EdgeError(f"{shown(path)} is {kind}; give images and videos.")
    try:
        with path.open("rb") as file:
            start = file.read(12)
            if is_image(start) or path.suffix.lower() in ENDINGS:
                return "image", iter([(0, _image(path, start + file.read(MAX_BYTES)))])
    except OSError as error:
        raise EdgeError(f"{shown(path)} cannot be read ({error.strerror}).") from error
    return "video", _video(path, count, start[4:8] in COUNTED)


def shown(path: Path) -> str:
    """The path for messages and JSON; bytes that are not UTF-8 are escaped, as in \\xff."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def _image(path: Path, data: bytes) -> np.ndarray:
    """The decoded image, turned upright by its EXIF orientation."""
    if len(data) > MAX_BYTES:
        raise EdgeError(f"{shown(path)} has more than {MAX_BYTES} bytes, too many for an image.")
    size = image_size(data)
    if size is None or min(size) < 1:
        raise EdgeError(f"{shown(path)} is no image that OpenCV can decode: a JPEG, PNG, BMP, WebP or TIFF is needed.")
    _check_pixels(path, *size)
    if data[:2] == b"\xff\xd8" and data.count(b"\xff\xda") > MAX_SCANS:
        raise EdgeError(f"{shown(path)} is a JPEG of more than {MAX_SCANS} scans; save it again as a plain one.")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except (cv2.error, MemoryError) as error:
        raise EdgeError(f"{shown(path)} is no image that OpenCV can decode ({error}).") from error
    if image is None:
        raise EdgeError(f"{shown(path)} is no image that OpenCV can decode.")
    return _rgb(path, image)


def _video(path: Path, count: int, counted: bool) -> Iterator[Frame]:
    """Frames of a video.

    Args:
        counted: the file says how many frames it holds; else they are counted, by going through them once before.
    """
    total = 0 if counted else _count(path)
    with _opened(path) as video:
        total = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if counted else total
        if total < 1:
            raise EdgeError(f"{shown(path)} is no video that OpenCV can decode.")
        count = min(total, count)
        wanted = {((2 * i + 1) * total) // (2 * count) for i in range(count)}  # the middles of equal spans
        for index in range(max(wanted) + 1):
            if not video.grab():
                raise _cut_off(path, total, index)
            if index in wanted:
                decoded, frame = video.retrieve()
                if not decoded:
                    raise EdgeError(f"{shown(path)}: frame {index} cannot be decoded; copy the video again.")
                yield index, _rgb(path, frame)


def _count(path: Path) -> int:
    """Number of the frames of a video that says how long it is and not how many frames it holds.

    OpenCV then gives the number that would be shown in that time at one rate. Where there are fewer, their times tell
    whether they are shown unevenly, or the end is missing.
    """
    with _opened(path) as video:
        rate, estimate = video.get(cv2.CAP_PROP_FPS), int(video.get(cv2.CAP_PROP_FRAME_COUNT))
        frames, last, longest = 0, 0.0, 1.0  # the time of the last frame and the longest step to a frame, in 1 / rate
        while video.grab():
            time = video.get(cv2.CAP_PROP_POS_MSEC) / 1000 * rate
            frames, last, longest = frames + 1, max(last, time), max(longest, time - last)
    if frames < estimate and estimate - (last + 1) > max(longest, estimate / MISSING_PART):
        raise _cut_off(path, estimate, frames)
    return frames


def _cut_off(path: Path, total: int, frames: int) -> EdgeError:
    return EdgeError(
        f"{shown(path)} is cut off: its header says {total} frames, and it ends after {frames}; copy it again."
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[cv2.VideoCapture]:
    """The video; an error that OpenCV raises becomes an `EdgeError`."""
    os.environ.update(FFMPEG)
    with contextlib.ExitStack() as stack:
        try:
            video = cv2.VideoCapture(stack.enter_context(_readable_name(path)), cv2.CAP_FFMPEG)
            stack.callback(video.release)
            if not video.isOpened():
                raise EdgeError(f"{shown(path)} is no video that OpenCV can decode.")
            _check_pixels(path, *(int(video.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)))
            yield video
        except (cv2.error, MemoryError) as error:
            raise EdgeError(f"{shown(path)} is no video that OpenCV can decode ({error}).") from error


@contextlib.contextmanager
def _readable_name(path: Path) -> Iterator[str]:
    """A path that OpenCV can open: a name that is not UTF-8 crashes it, so such a file is opened through a link."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / "video"
            link.symlink_to(path.resolve())
            yield str(link)
    else:
        yield str(path)


def _rgb(path: Path, bgr: np.ndarray) -> np.ndarray:
    _check_pixels(path, bgr.shape[1], bgr.shape[0])
    return np.ascontiguousarray(bgr[..., ::-1])


def _check_pixels(path: Path, width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise EdgeError(f"{shown(path)} has {width} x {height} pixels; at most {MAX_PIXELS} are allowed.")
