"""Square crops around a face, and key points in the crop's coordinates."""

from __future__ import annotations

import cv2
import numpy as np

CROP_SCALE = 1.3  # side of the crop, divided by the longer side of the detector's box


def crop_box(box: tuple[float, float, float, float], scale: float = CROP_SCALE) -> np.ndarray:
    """The square around a detector's box.

    Args:
        box: y0, x0, y1, x1 in pixels.
        scale: side of the square, divided by the box's longer side.

    Returns:
        float32 (4,): y0, x0, y1, x1 in pixels, whole numbers; may reach beyond the image.
    """
    y0, x0, y1, x1 = (float(value) for value in box)
    if not (y1 > y0 and x1 > x0):
        raise ValueError(f"box must be y0, x0, y1, x1 with a positive area; received {tuple(box)}.")
    side = max(1.0, np.round(scale * max(y1 - y0, x1 - x0)))
    top, left = np.round((y0 + y1 - side) / 2), np.round((x0 + x1 - side) / 2)
    return np.array([top, left, top + side, left + side], np.float32)


def crop_square(image: np.ndarray, box: np.ndarray, size: int) -> np.ndarray:
    """Cuts a square out of an image and resizes it; pixels beyond the image repeat the image's edge.

    Args:
        image: uint8 (H, W, C) or (H, W).
        box: y0, x0, y1, x1 of `crop_box`.
        size: side of the result in pixels.

    Returns:
        uint8 (size, size, C), C = 1 for an image without channels.

    Raises:
        ValueError: the box lies completely outside of the image.
    """
    y0, x0, y1, x1 = (int(value) for value in box)
    height, width = image.shape[:2]
    top, left, bottom, right = max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)
    if top >= bottom or left >= right:
        raise ValueError(f"the box {[y0, x0, y1, x1]} lies outside of the image of {height}x{width} pixels.")
    inside = image[top:bottom, left:right]
    if (top, left, bottom, right) != (y0, x0, y1, x1):
        inside = cv2.copyMakeBorder(inside, top - y0, y1 - bottom, left - x0, x1 - right, cv2.BORDER_REPLICATE)
    shrinking = inside.shape[0] > size
    resized = cv2.resize(inside, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
    return resized.reshape(size, size, -1)


def normalise_keypoints(keypoints: np.ndarray, box: np.ndarray) -> np.ndarray:
    """Key points as fractions of a crop's sides; a point outside of the crop moves to the crop's edge.

    Args:
        keypoints: (5, 2), x and y in pixels of the image.
        box: y0, x0, y1, x1 of the crop in pixels of the image.

    Returns:
        float32 (5, 2), x and y in [0, 1].
    """
    y0, x0, y1, x1 = (float(value) for value in box)
    scaled = (np.asarray(keypoints, np.float64) - [x0, y0]) / [x1 - x0, y1 - y0]
    return np.clip(scaled, 0.0, 1.0).astype(np.float32)
