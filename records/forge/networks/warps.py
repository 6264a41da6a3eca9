"""Random changes of the pictures in a batch, in NumPy alone, so that the same seed gives the same bytes."""

from __future__ import annotations

import functools

import numpy as np
from scipy.interpolate import CubicSpline

GRID = 5
"""A warp moves the corners of a grid of GRID x GRID points at random; between them it is smooth."""


def warped(pictures: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Each picture after a smooth random warp.

    Args:
        pictures: float32 (B, S, S, 3).
        rng: source of the warps.
        sigma: standard deviation in pixels of the displacement of a grid point.

    Returns:
        float32 (B, S, S, 3), sampled bilinearly; beyond the picture its edge pixels are repeated.
    """
    count, side = pictures.shape[:2]
    weights = _weights(side)
    moved = rng.normal(0, sigma, (count, 2, GRID, GRID)).astype(np.float32)
    at_x, at_y = np.moveaxis(weights @ moved @ weights.T, 1, 0)  # each (B, S, S)
    places = np.arange(side, dtype=np.float32)
    at_x, at_y = (np.clip(at, 0, side - 1.001) for at in (at_x + places, at_y + places[:, None]))
    column, row = at_x.astype(np.int32), at_y.astype(np.int32)
    right, down = ((at - whole)[..., None].astype(np.float32) for at, whole in ((at_x, column), (at_y, row)))
    flat = pictures.reshape(-1, 3)
    first = (np.arange(count, dtype=np.int32)[:, None, None] * side + row) * side + column
    upper = flat[first] * (1 - right) + flat[first + 1] * right
    lower = flat[first + side] * (1 - right) + flat[first + side + 1] * right
    return upper * (1 - down) + lower * down


def toned(pictures: np.ndarray, rng: np.random.Generator, sigma: float) -> np.ndarray:
    """Each picture in [0, 1] with another contrast, and another brightness of each channel, of spread `sigma`."""
    count = len(pictures)
    contrast = 1 + rng.normal(0, sigma, (count, 1, 1, 1)).astype(np.float32)
    brightness = rng.normal(0, sigma, (count, 1, 1, 3)).astype(np.float32)
    return np.clip((pictures - np.float32(0.5)) * contrast + np.float32(0.5) + brightness, 0, 1)


@functools.cache
def _weights(side: int) -> np.ndarray:
    """Cubic interpolation from GRID points to `side` pixels as a matrix: float32 (side, GRID)."""
    spline = CubicSpline(np.linspace(0, side - 1, GRID), np.eye(GRID), bc_type="natural")
    return spline(np.arange(side)).astype(np.float32)
