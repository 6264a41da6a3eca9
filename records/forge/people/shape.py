"""The shape of a rendered face: the curves that are drawn, and on which the points of its mesh lie.

Lengths are eye distances; u and v are face coordinates, with the eyes at (-0.5, -0.5) and (0.5, -0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from records.forge.people.person import Person

HEAD_CENTRE, HEAD_HALF_HEIGHT, HEAD_POWER = -0.42, 1.58, 2.25
EYES_PER_FRAME = 0.23
"""Distance between the eyes as a share of the frame's side; the face then fills a bit more than half of the frame."""


@dataclass(frozen=True)
class Pose:
    """Turn (yaw) and nod (pitch) of the head in radians, gaze and expression (0 is at rest, 1 is strong)."""

    yaw: float = 0.0
    pitch: float = 0.0
    gaze_x: float = 0.0
    gaze_y: float = 0.0
    blink: float = 0.0
    brows: float = 0.0
    mouth_open: float = 0.0
    smile: float = 0.0


@dataclass(frozen=True)
class Lips:
    """v of four curves across the mouth, from top to bottom, and of the line between the closed lips."""

    top: np.ndarray
    upper: np.ndarray
    lower: np.ndarray
    bottom: np.ndarray
    line: np.ndarray


def step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """A smooth step: 0 below `low`, 1 above `high`."""
    ramp = np.clip((value - low) / (high - low), 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def head_radius(person: Person, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """0 at the middle of the head, 1 at its outline."""
    width = person.head_width * (1 - person.taper * step(y, -0.3, 1.5))
    height = np.where(y < HEAD_CENTRE, np.float32(HEAD_HALF_HEIGHT), np.float32(person.chin - HEAD_CENTRE))
    return (np.abs(x / width) ** HEAD_POWER + np.abs((y - HEAD_CENTRE) / height) ** HEAD_POWER) ** (1 / HEAD_POWER)


def brow_line(person: Person, pose: Pose, outwards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """v of the middle of a brow, and half of its thickness; `outwards` is -1 at the nose and 1 at the temple."""
    line = person.brow_v - 0.09 * pose.brows + person.brow_arch * (outwards - 0.25) ** 2
    return line, person.brow_thickness * np.clip(1.05 - 0.45 * (outwards + 0.6) ** 2, 0, 1)


def eyelids(person: Person, pose: Pose, across: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """v of the upper and the lower lid over the middle of the eye; `across` is -1 and 1 in the corners."""
    arc = np.clip(1 - across**2, 0, 1)
    upper = -person.eye_open * (1 - 1.25 * min(max(pose.blink, 0.0), 1.0)) * arc**0.75
    lower = 0.62 * person.eye_open * (1 - 0.25 * max(pose.smile, 0.0)) * arc
    return upper, lower


def mouth_half_width(person: Person, pose: Pose) -> float:
    """Half of the distance between the corners of the mouth."""
    return person.mouth_width * (1 + 0.16 * pose.smile - 0.10 * pose.mouth_open)


def lip_lines(person: Person, pose: Pose, u: np.ndarray) -> Lips:
    """The curves of the lips at `u`."""
    across = u / mouth_half_width(person, pose)
    arc = np.clip(1 - across**2, 0, 1)
    line = person.mouth_v - 0.10 * pose.smile * (across**2 - 0.5)
    gap = 0.20 * max(pose.mouth_open, 0.0) * arc**0.7
    upper, lower = line - 0.35 * gap, line + 0.65 * gap
    bow = 1 - 0.35 * np.exp(-0.5 * (u / 0.05) ** 2)
    top = upper - 0.095 * person.lip * arc**0.8 * bow
    bottom = lower + 0.125 * person.lip * arc**0.7
    return Lips(top, upper, lower, bottom, line)


def place(person: Person, pose: Pose, skin: np.ndarray, size: int, canvas: int) -> np.ndarray:
    """Where points of the skin appear in a picture: float32 (N, 2), x and y in pixels.

    If the head turns, a point at depth z moves by angle * z.

    Args:
        person, pose: the head.
        skin: (N, 2), face coordinates of the points.
        size: side in pixels of the frame, which decides the scale.
        canvas: side in pixels of the picture that the frame is cut from.
    """
    skin = np.asarray(skin, np.float32)
    depth = np.sqrt(np.clip(1 - head_radius(person, skin[:, 0], skin[:, 1]) ** 2, 0, 1))
    moved = skin + np.column_stack((pose.yaw * depth, pose.pitch * depth))
    return (centre(size, canvas) + EYES_PER_FRAME * size * moved).astype(np.float32)


def centre(size: int, canvas: int) -> np.ndarray:
    """The pixel of the canvas at the origin of face coordinates, if the head is not turned: float32 (2,)."""
    return np.array((canvas / 2 - 0.5, canvas / 2 - 0.5 + 0.03 * size), np.float32)
