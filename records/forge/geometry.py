"""Face coordinates and regions, computed from the five key points of a rendered or photographed face."""

from __future__ import annotations

import cv2
import numpy as np


def face_axes(points: np.ndarray) -> np.ndarray:
    """The affine map from face coordinates (u, v) to pixels (x, y): float32 (2, 3).

    In face coordinates the eyes are at (-0.5, -0.5) and (0.5, -0.5), the centre of the mouth is at (0, 0.5). The unit
    of u is the distance between the eyes, the unit of v the distance from eyes to mouth.

    Args:
        points: float32 (5, 2), x and y in pixels: left eye, right eye, nose, mouth left, mouth right.
    """
    eyes, mouth = points[:2].mean(axis=0), points[3:5].mean(axis=0)
    down = mouth - eyes
    across = points[1] - points[0]
    # If the head is turned, the eyes come closer together, but the outline does not: the unit of u has a minimum.
    across = across * max(1.0, 0.8 * np.linalg.norm(down) / max(np.linalg.norm(across), 1e-6))
    return np.column_stack((across, down, (eyes + mouth) / 2)).astype(np.float32)


def face_coordinates(points: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Face coordinates of every pixel: u and v, each float32 (height, width). See `face_axes`."""
    inverse = cv2.invertAffineTransform(face_axes(points))
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    u = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
    v = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    return u.astype(np.float32), v.astype(np.float32)


def oval(
    u: np.ndarray, v: np.ndarray, *, half_width: float, top: float, bottom: float, power: float, feather: float
) -> np.ndarray:
    """A superellipse with a soft edge in face coordinates: float32 in [0, 1], 0 outside of it.

    Args:
        u, v: face coordinates of the pixels.
        half_width: half of its largest width.
        top, bottom: v of the upper and the lower end (bottom > top).
        power: exponent; 2 gives an ellipse, more a shape closer to a rectangle.
        feather: width of the soft edge, inwards from the outline, as a share of the radius.
    """
    centre, half_height = (top + bottom) / 2, (bottom - top) / 2
    radius = (np.abs(u / half_width) ** power + np.abs((v - centre) / half_height) ** power) ** (1 / power)
    edge = np.clip((1 - radius) / max(feather, 1e-3), 0, 1)
    return (edge * edge * (3 - 2 * edge)).astype(np.float32)


def random_outline(rng: np.random.Generator, **ranges: tuple[float, float]) -> dict[str, float]:
    """Random arguments for `oval`, each uniform in its range and drawn in the order given."""
    return {name: rng.uniform(low, high) for name, (low, high) in ranges.items()}


REGION = {"half_width": 1.15, "top": -1.3, "bottom": 1.35, "power": 2.4, "feather": 0.08}
"""Manipulations change pixels only inside this oval, and decoys placed `away` only outside."""


def region(points: np.ndarray, height: int, width: int) -> np.ndarray:
    """The oval that manipulations are limited to: float32 (height, width) in [0, 1]."""
    return oval(*face_coordinates(points, height, width), **REGION)


def region_box(points: np.ndarray, height: int, width: int, margin: int = 0) -> tuple[int, int, int, int]:
    """The box (y0, x0, y1, x1) in pixels around `region`, widened by `margin` and limited to the frame."""
    half, top, bottom = REGION["half_width"], REGION["top"], REGION["bottom"]
    corners = np.array([(u, v, 1) for u in (-half, half) for v in (top, bottom)], np.float32)
    pixels = corners @ face_axes(points).T
    x0, y0 = np.floor(pixels.min(axis=0)).astype(int) - margin
    x1, y1 = np.ceil(pixels.max(axis=0)).astype(int) + 1 + margin
    return max(y0, 0), max(x0, 0), min(y1, height), min(x1, width)


def alignment(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine map that brings the key points `source` closest to `target` (least squares): float32 (2, 3)."""
    homogeneous = np.column_stack((source, np.ones(len(source), np.float32)))
    solution, *_ = np.linalg.lstsq(homogeneous.astype(np.float64), target.astype(np.float64), rcond=None)
    return solution.T.astype(np.float32)


def similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The turn, scale and shift that bring `source` closest to `target`, both (N, 2), by least squares: (2, 3)."""
    centre, centre_target = source.mean(axis=0), target.mean(axis=0)
    a = (source - centre).astype(np.float64) @ (1, 1j)
    b = (target - centre_target).astype(np.float64) @ (1, 1j)
    factor = np.vdot(a, b) / max(float(np.vdot(a, a).real), 1e-9)
    matrix = np.array(((factor.real, -factor.imag), (factor.imag, factor.real)))
    return np.column_stack((matrix, centre_target - matrix @ centre)).astype(np.float32)


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Applies the affine `matrix` (2, 3) to `points` (n, 2): float32 (n, 2)."""
    return (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
