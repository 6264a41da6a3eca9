"""Frames of images and videos, read with OpenCV."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from .errors import EdgeError

MAX_PIXELS = 2**26  # of one image or frame: 8192 x 8192
IMAGES = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}


def read(path: Path, count: int) -> tuple[str, list[tuple[int, np.ndarray]]]:
    """What is to be looked at in a file.

    Args:
        path: an image or a video.
        count: frames of a video, evenly spaced over the whole of it.

    Returns:
        ("image" or "video", [(index of the frame, uint8 (H, W, 3) RGB), ...])

    Raises:
        EdgeError: the file is missing, too large, or does not decode; a video that is cut off is one that does not.
    """
    if not path.is_file():
        raise EdgeError(f"{path} does not exist.")
    if path.suffix.lower() in IMAGES:
        image = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR) if path.stat().st_size else None
        if image is None:
            raise EdgeError(f"{path} is no image that OpenCV can decode.")
        return "image", [(0, _rgb(path, image))]
    video = cv2.VideoCapture(str(path))
    try:
        total = int(video.get(cv2.CAP_PROP_FRAME_COUNT)) if video.isOpened() else 0
        if total < 1:
            raise EdgeError(f"{path} is no video that OpenCV can decode.")
        count = min(total, count)
        wanted = {((2 * i + 1) * total) // (2 * count) for i in range(count)}  # the middles of equal spans
        frames = []
        for index in range(max(wanted) + 1):
            if not video.grab():
                raise EdgeError(f"{path} is cut off: it says {total} frames and ends after {index}; get it again.")
            if index in wanted:
                decoded, frame = video.retrieve()
                if not decoded:
                    raise EdgeError(f"{path}: frame {index} does not decode; get the video again.")
                frames.append((index, _rgb(path, frame)))
        return "video", frames
    finally:
        video.release()


def _rgb(path: Path, bgr: np.ndarray) -> np.ndarray:
    if bgr.shape[0] * bgr.shape[1] > MAX_PIXELS:
        raise EdgeError(f"{path} has {bgr.shape[1]} x {bgr.shape[0]} pixels; at most {MAX_PIXELS} are allowed.")
    return np.ascontiguousarray(bgr[..., ::-1])
