"""The mesh of a rendered face, computed from the shape that draws it."""

from __future__ import annotations

import numpy as np

from records.forge.mesh import RENDERED
from records.forge.people.person import Person
from records.forge.people.shape import Pose, brow_line, eyelids, head_radius, lip_lines, mouth_half_width, place

OUTLINE_RADIUS = 0.91
"""The outline lies at this share of the head's radius; farther out, skin turns away from the camera."""
FOREHEAD = 0.12
"""The outline stays below the hairline by this many eye distances."""


def rendered_mesh(person: Person, pose: Pose, size: int, canvas: int) -> np.ndarray:
    """The points of `RENDERED` in one frame: float32 (K, 2), x and y in pixels of the canvas.

    Args:
        person, pose, size, canvas: as for `rendered.draw`.
    """
    outline = _outline(person)
    parts = {
        "outline": outline,
        "left_brow": _brow(person, pose, -1),
        "right_brow": _brow(person, pose, 1),
        "left_eye": _eye(person, pose, -1),
        "right_eye": _eye(person, pose, 1),
        "nose": _nose(person),
        "outer_lips": _lips(person, pose, inner=False),
        "inner_lips": _lips(person, pose, inner=True),
    }
    skin = np.zeros((RENDERED.size, 2), np.float32)
    for name, points in parts.items():
        skin[list(getattr(RENDERED, name))] = points
    return place(person, pose, skin, size, canvas)


def _outline(person: Person) -> np.ndarray:
    """36 points around the face, clockwise from the middle of the forehead: (36, 2)."""
    angle = np.arange(36) * (2 * np.pi / 36)
    direction = np.column_stack((np.sin(angle), -np.cos(angle)))
    low, high = np.zeros(36), np.full(36, 3.0)
    for _ in range(24):
        middle = (low + high) / 2
        points = direction * middle[:, None]
        inside = head_radius(person, points[:, 0], points[:, 1]) < OUTLINE_RADIUS
        low, high = np.where(inside, middle, low), np.where(inside, high, middle)
    points = direction * low[:, None]
    top = person.hairline + FOREHEAD
    reach = np.clip(points[:, 1] / np.minimum(top, -1e-3), 1, None)  # above 1: beyond the hairline
    return points / np.where(points[:, 1] < top, reach, 1)[:, None]


def _brow(person: Person, pose: Pose, side: int) -> np.ndarray:
    """10 points: five along the lower edge and five along the upper edge, from the nose outwards: (10, 2)."""
    across = np.linspace(-0.95, 0.95, 5)
    line, thick = brow_line(person, pose, across)
    u = side * (0.50 + 0.34 * across)
    return np.column_stack((np.r_[u, u], np.r_[line + thick, line - thick]))


def _eye(person: Person, pose: Pose, side: int) -> np.ndarray:
    """16 points along the lids: the corner at the nose, the lower lid, the outer corner, the upper lid: (16, 2)."""
    across = np.cos(np.arange(16) * (2 * np.pi / 16) + np.pi)
    upper, lower = eyelids(person, pose, across)
    below = np.arange(16) <= 8
    u = person.eye_width * across
    v = np.where(below, lower, upper) - person.eye_tilt * u - 0.5
    return np.column_stack((side * (0.5 + u), v))


def _nose(person: Person) -> np.ndarray:
    """9 points: five along the bridge, one under the tip, two nostrils and the base: (9, 2)."""
    tip, wing = person.nose_length, 0.17 * person.nose_width
    bridge = [(0, v) for v in np.linspace(-0.45, tip, 5)]
    return np.array([*bridge, (0, tip + 0.09), (-wing, tip + 0.05), (wing, tip + 0.05), (0, tip + 0.16)])


def _lips(person: Person, pose: Pose, inner: bool) -> np.ndarray:
    """20 points, from the left corner along the lower lip to the right corner and back: (20, 2)."""
    across = np.cos(np.arange(20) * (2 * np.pi / 20) + np.pi) * (0.94 if inner else 1.0)
    u = mouth_half_width(person, pose) * across
    lines = lip_lines(person, pose, u)
    high, low = (lines.upper, lines.lower) if inner else (lines.top, lines.bottom)
    return np.column_stack((u, np.where(np.arange(20) <= 10, low, high)))
