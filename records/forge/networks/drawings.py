"""Drawings of a crop's mesh, as inputs of the mouth renderer: the lower face and the lips."""

from __future__ import annotations

import functools

import cv2
import numpy as np

from records.forge.mesh import Topology
from records.forge.networks.crops import SIDE

FEATHER = 3.0
"""Width in pixels of the soft edge of the lower face, inwards."""
FINER = 4
"""Lips are drawn so many times larger and then shrunk."""


def lower_face(mesh: np.ndarray, topology: Topology) -> np.ndarray:
    """The region from above the lips to the chin, with a soft edge.

    Args:
        mesh: float32 (K, 2), in pixels of the crop.
        topology: the parts of the mesh.

    Returns:
        uint8 (SIDE, SIDE), 255 inside, 0 outside.
    """
    outline, lips = mesh[list(topology.outline)], mesh[list(topology.lips)]
    above = lips - (0, FEATHER + 1)  # the soft edge ends above the lips
    points = np.concatenate((outline[outline[:, 1] > above[:, 1].min()], lips, above))
    hull = cv2.convexHull(points.astype(np.float32))[:, 0]
    inside = np.zeros((SIDE + 2, SIDE + 2), np.uint8)  # a rim of 0, so that edges of the crop are soft, too
    _fill(inside, hull + 1)
    inside[[0, -1]] = inside[:, [0, -1]] = 0
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.rint(255 * np.clip(depth / FEATHER, 0, 1)).astype(np.uint8)


def drawn_lips(mesh: np.ndarray, topology: Topology) -> np.ndarray:
    """The insides of the outer and of the inner curve along the lips, as soft maps.

    Args:
        mesh: float32 (K, 2), in pixels of the crop.
        topology: the parts of the mesh.

    Returns:
        uint8 (SIDE, SIDE, 2), 255 inside, 0 outside.
    """
    maps = []
    for part in (topology.outer_lips, topology.inner_lips):
        inside = np.zeros((FINER * SIDE, FINER * SIDE), np.uint8)
        _fill(inside, FINER * (mesh[list(part)] + 0.5) - 0.5)
        shrunk = inside.reshape(SIDE, FINER, SIDE, FINER).mean(axis=(1, 3), dtype=np.float32)
        maps.append(blurred(shrunk[..., None], 0.5)[..., 0])
    return np.rint(255 * np.stack(maps, axis=2)).astype(np.uint8)


def blurred(pictures: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian blur of float32 (..., SIDE, SIDE, C); at the edge the pixels inside count for more."""
    smooth = _smoothing(sigma)
    return np.einsum("ya,...abc,xb->...yxc", smooth, pictures, smooth, optimize=True)


def _fill(image: np.ndarray, curve: np.ndarray) -> None:
    """Sets the inside of a closed curve, (N, 2) in pixels, to 1."""
    cv2.fillPoly(image, [np.rint(curve * 16).astype(np.int32)], 1, lineType=cv2.LINE_8, shift=4)


@functools.cache
def _smoothing(sigma: float) -> np.ndarray:
    """A Gaussian blur of SIDE pixels as a matrix: float32 (SIDE, SIDE); each row sums to 1."""
    places = np.arange(SIDE)
    weights = np.exp(-0.5 * ((places - places[:, None]) / sigma) ** 2)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
