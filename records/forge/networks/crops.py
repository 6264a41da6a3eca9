"""The aligned crop of a face: the networks' input and output, and the way back into the frame."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.geometry import transform

SIDE = 64
"""Height and width of a crop in pixels."""
CANONICAL = np.array(((20.6, 23.6), (43.4, 23.6), (32.0, 37.0), (23.0, 46.4), (41.0, 46.4)), np.float32)
"""Where the key points lie in the crop: the face from forehead to chin fits in, with some pixels around it."""
BLUR = 0.5
"""Standard deviation of the blur before shrinking, in pixels of the crop; less would alias."""


def face_crop(image: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Cuts out a face, turned upright and scaled to one size.

    Args:
        image: float32 (H, W, 3) in [0, 255].
        points: float32 (5, 2), the key points in pixels.

    Returns:
        float32 (SIDE, SIDE, 3) in [0, 255]. Beyond the frame its edge pixels are repeated.
    """
    matrix = to_crop(points)
    scale = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if scale < 1:
        image = cv2.GaussianBlur(image, (0, 0), BLUR * np.sqrt(1 / scale**2 - 1) + 1e-3)
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.clip(crop, 0, 255)


def paste_crop(crop: np.ndarray, points: np.ndarray, height: int, width: int) -> np.ndarray:
    """Brings a crop back to where `face_crop` took it from.

    Args:
        crop: uint8 or float32 (SIDE, SIDE, 3) in [0, 255].
        points: float32 (5, 2), the key points in the frame.
        height, width: size of the frame.

    Returns:
        float32 (height, width, 3) in [0, 255]; outside of the crop its edge pixels are repeated.
    """
    matrix = to_crop(points)
    frame = cv2.warpAffine(
        np.asarray(crop, np.float32),
        matrix,
        (width, height),
        flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.clip(frame, 0, 255)


def crop_points(places: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Where `places`, (N, 2) in pixels of the frame, lie in the crop of the face with the given key points.

    Returns:
        float32 (N, 2), in pixels of the crop.
    """
    return transform(to_crop(points), places)


def to_crop(points: np.ndarray) -> np.ndarray:
    """The similarity that brings the key points closest to `CANONICAL` (Umeyama 1991, without reflection).

    Returns:
        float32 (2, 3), from pixels of the frame to pixels of the crop.
    """
    centre, centre_like = points.mean(axis=0), CANONICAL.mean(axis=0)
    a = (points - centre).astype(np.float64) @ (1, 1j)
    b = (CANONICAL - centre_like).astype(np.float64) @ (1, 1j)
    factor = np.vdot(a, b) / max(float(np.vdot(a, a).real), 1e-9)
    turn = np.array(((factor.real, -factor.imag), (factor.imag, factor.real)))
    return np.column_stack((turn, centre_like - turn @ centre)).astype(np.float32)
