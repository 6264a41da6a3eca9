"""Carries the expression of one face to another, as a displacement of its mesh."""

from __future__ import annotations

import numpy as np

from records.forge.geometry import similarity, transform
from records.forge.mesh.topology import Topology

REACH = 0.22
"""Distance over which a displacement fades, as a share of the face's height: skin follows the moving parts."""
FEATURES = ("left_brow", "right_brow", "left_eye", "right_eye", "outer_lips", "inner_lips")
MOST = 0.09
"""Largest displacement of a point, as a share of the face's height."""


def carried_expression(
    target: np.ndarray, source: np.ndarray, topology: Topology, amount: float, features: tuple[str, ...] = FEATURES
) -> np.ndarray:
    """The mesh of `target` with the expression of `source`: float32 (K, 2).

    The source's mesh is brought onto the target's by a similarity. Each moving feature is then centred on the
    target's feature, so that its shape is carried over and its place is not: the distance between two people's mouth
    and nose is no expression. The points around a feature follow it, the outline of the face stays.

    Args:
        target, source: float32 (K, 2), the meshes, in pixels of any two images.
        topology: the parts of both.
        amount: 0 keeps the target's expression, 1 takes the source's.
        features: names of the parts of `topology` that move.
    """
    aligned = transform(similarity(source, target), source)
    height = float(np.ptp(target[list(topology.outline), 1]))
    moved: dict[int, np.ndarray] = {}
    groups = [[name] for name in features if not name.endswith("lips")]
    groups += [[name for name in features if name.endswith("lips")]]  # the lips are centred together: they open
    for names in filter(None, groups):
        points = [index for name in names for index in getattr(topology, name)]
        shift = aligned[points] - target[points]
        kept = 0.0 if names[0].endswith("lips") else 0.7  # a brow that is raised moves as a whole
        moved |= dict(zip(points, shift - (1 - kept) * shift.mean(axis=0), strict=True))
    if not moved:
        return target.astype(np.float32)
    indices = np.array(sorted(moved))
    shifts = np.array([moved[index] for index in indices])
    length = np.linalg.norm(shifts, axis=1, keepdims=True)
    shifts = shifts * np.minimum(1, MOST * height / np.maximum(length, 1e-6))
    displacement = _spread(target, indices, shifts, REACH * height)
    displacement[indices] = shifts
    displacement *= _distance_to_outline(target, topology, 0.12 * height)[:, None]
    return (target + amount * displacement).astype(np.float32)


def _spread(points: np.ndarray, indices: np.ndarray, shifts: np.ndarray, reach: float) -> np.ndarray:
    """Weighted mean of `shifts` at each point; it fades to 0 where all moving points are farther than `reach`."""
    distance = np.linalg.norm(points[:, None] - points[indices][None], axis=2) / reach
    weight = np.exp(-4.5 * distance**2)
    total = weight.sum(axis=1, keepdims=True)
    nearest = np.exp(-4.5 * distance.min(axis=1, keepdims=True) ** 2)
    return nearest * (weight @ shifts) / np.maximum(total, 1e-9)


def _distance_to_outline(points: np.ndarray, topology: Topology, ramp: float) -> np.ndarray:
    """0 on the outline, 1 from a distance of `ramp` on: (K,)."""
    outline = points[list(topology.outline)]
    distance = np.linalg.norm(points[:, None] - outline[None], axis=2).min(axis=1)
    return np.clip(distance / ramp, 0, 1)
