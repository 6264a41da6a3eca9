"""Carries pixels from one mesh to another, triangle by triangle."""

from __future__ import annotations

import cv2
import numpy as np
from scipy.spatial import Delaunay


def triangulate(points: np.ndarray) -> np.ndarray:
    """The Delaunay triangles of a mesh: int32 (M, 3), indices into `points`, float32 (K, 2)."""
    return Delaunay(points).simplices.astype(np.int32)


def warp_mesh(
    image: np.ndarray, source: np.ndarray, target: np.ndarray, triangles: np.ndarray, height: int, width: int
) -> np.ndarray:
    """`image`, whose face has the mesh `source`, drawn so that its face has the mesh `target`.

    Each triangle is mapped by the affine map between its corners. Outside of the mesh, pixels are mapped by the affine
    map that fits all points best.

    Args:
        image: float32 (H, W, 3).
        source, target: float32 (K, 2), x and y in pixels of `image` and of the result.
        triangles: int32 (M, 3), as `triangulate` gives them.
        height, width: size of the result.

    Returns:
        float32 (height, width, 3), within the range of `image`.
    """
    maps = np.concatenate((_affine_maps(source[triangles], target[triangles]), _best_affine(source, target)[None]))
    number = np.full((height, width), len(triangles), np.int32)
    corners = np.rint(target[triangles] * 16).astype(np.int32)  # four fractional bits
    for index, triangle in enumerate(corners):
        cv2.fillConvexPoly(number, triangle, index, lineType=cv2.LINE_8, shift=4)
    x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)[:, None]
    of_pixel = maps[number]  # (height, width, 2, 3)
    from_x, from_y = (of_pixel[..., row, 0] * x + of_pixel[..., row, 1] * y + of_pixel[..., row, 2] for row in (0, 1))
    warped = cv2.remap(image, from_x, from_y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
    return np.clip(warped, image.min(), image.max())


def _affine_maps(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine maps from target to source for each triangle, float32 (M, 2, 3); corners are (M, 3, 2)."""
    homogeneous = np.concatenate((target, np.ones_like(target[..., :1])), axis=2).astype(np.float64)
    flat = np.abs(np.linalg.det(homogeneous)) < 1e-3  # a triangle without area covers no pixel
    homogeneous[flat] = np.eye(3)
    return np.linalg.solve(homogeneous, source.astype(np.float64)).transpose(0, 2, 1).astype(np.float32)


def _best_affine(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The affine map from target to source with the least squared error, float32 (2, 3)."""
    homogeneous = np.column_stack((target, np.ones(len(target)))).astype(np.float64)
    return np.linalg.lstsq(homogeneous, source.astype(np.float64), rcond=None)[0].T.astype(np.float32)
