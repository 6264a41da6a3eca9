"""Moves a still face: the camera drifts and the expression changes, equally in real and manipulated clips."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from records.forge.geometry import alignment, face_axes, transform
from records.forge.seeds import generator, smooth_path

MARGIN = 0.06
"""Margin of a canvas on each side, as a share of the frame's side: motion brings these pixels into the frame."""


@dataclass(frozen=True)
class Expression:
    """How far the facial features move: 0 is at rest, 1 a strong natural expression, below 0 the opposite one."""

    mouth_open: float = 0.0
    smile: float = 0.0
    squint: float = 0.0
    brows: float = 0.0

    def scaled(self, factor: float) -> Expression:
        """The same expression, `factor` times as strong."""
        return replace(self, **{name: factor * value for name, value in vars(self).items()})


@dataclass(frozen=True)
class Motion:
    """The motion of one clip: for each frame a similarity transform (2, 3) from canvas to frame, and an expression."""

    similarities: np.ndarray
    expressions: tuple[Expression, ...]


def clip_motion(seed: int, identity: str, frames: int, size: int, strength: float = 1.0) -> Motion:
    """The motion of the clip of `identity`, the same in its real and in its manipulated versions.

    Args:
        seed, identity: they decide the random numbers.
        frames: number of frames of the clip.
        size: side of the frame in pixels; the canvas has `canvas_size(size)`.
        strength: factor of the expression.
    """
    rng = generator(seed, "motion", identity)
    shift_x, shift_y = smooth_path(rng, frames, 0.02 * size), smooth_path(rng, frames, 0.02 * size)
    angle, zoom = smooth_path(rng, frames, 4.0), smooth_path(rng, frames, 0.025)
    base_angle, base_zoom = rng.uniform(-2.5, 2.5), rng.uniform(-0.02, 0.02)
    centre = canvas_size(size) / 2 - 0.5
    similarities = []
    for t in range(frames):
        matrix = cv2.getRotationMatrix2D((centre, centre), float(angle[t] + base_angle), float(1 + zoom[t] + base_zoom))
        matrix[:, 2] += size / 2 - 0.5 - centre + np.array((shift_x[t], shift_y[t]))
        similarities.append(matrix)
    curves = {name: strength * smooth_path(rng, frames, 1.0) for name in ("mouth_open", "smile", "squint", "brows")}
    expressions = tuple(Expression(**{name: float(curve[t]) for name, curve in curves.items()}) for t in range(frames))
    return Motion(np.array(similarities, np.float32), expressions)


def canvas_size(size: int) -> int:
    """Side in pixels of the canvas from which frames of side `size` are cut."""
    return size + 2 * round(MARGIN * size)


def move(canvas: np.ndarray, points: np.ndarray, motion: Motion, frame: int, size: int) -> np.ndarray:
    """Makes one frame of a clip, with expression and camera motion in a single interpolation.

    Args:
        canvas: float32 (C, C, 3) in [0, 255], C = canvas_size(size).
        points: float32 (5, 2) key points in canvas pixels.
        motion: motion of the clip.
        frame: index of the frame.
        size: side of the frame in pixels.

    Returns:
        float32 (size, size, 3) in [0, 255].
    """
    inverse = cv2.invertAffineTransform(motion.similarities[frame])
    x, y = np.arange(size, dtype=np.float32), np.arange(size, dtype=np.float32)[:, None]
    at_x = inverse[0, 0] * x + inverse[0, 1] * y + inverse[0, 2]
    at_y = inverse[1, 0] * x + inverse[1, 1] * y + inverse[1, 2]
    return warp_expression(canvas, at_x, at_y, points, motion.expressions[frame])


def moved(places: np.ndarray, points: np.ndarray, motion: Motion, frame: int) -> np.ndarray:
    """Where `move` brings `places`, (N, 2) in canvas pixels: float32 (N, 2) in the frame's pixels."""
    return transform(motion.similarities[frame], moved_points(places, points, motion.expressions[frame]))


def warp_expression(
    image: np.ndarray, at_x: np.ndarray, at_y: np.ndarray, points: np.ndarray, expression: Expression
) -> np.ndarray:
    """Samples `image` at (at_x, at_y), both (H, W), after giving the face `expression`: float32 (H, W, 3).

    A smooth displacement field in the coordinates of the face with key points `points` moves the features.
    """
    axes = face_axes(points)
    inverse = cv2.invertAffineTransform(axes)
    u = inverse[0, 0] * at_x + inverse[0, 1] * at_y + inverse[0, 2]
    v = inverse[1, 0] * at_x + inverse[1, 1] * at_y + inverse[1, 2]
    du, dv = _displacement(u, v, expression)
    from_x = at_x - axes[0, 0] * du - axes[0, 1] * dv
    from_y = at_y - axes[1, 0] * du - axes[1, 1] * dv
    warped = cv2.remap(
        image, from_x.astype(np.float32), from_y.astype(np.float32), cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.clip(warped, 0, 255)


def moved_points(places: np.ndarray, points: np.ndarray, expression: Expression) -> np.ndarray:
    """Where `places` (N, 2) lie after the face with key points `points` was given `expression`: float32 (N, 2)."""
    axes = face_axes(points)
    u, v = transform(cv2.invertAffineTransform(axes), places).T
    return transform(axes, np.column_stack(np.add((u, v), _displacement(u, v, expression))))


def align(image: np.ndarray, points: np.ndarray, target: np.ndarray, height: int, width: int) -> np.ndarray:
    """`image` after the affine map that brings its key points closest to `target`: float32 (height, width, 3)."""
    matrix = alignment(points, target)
    return np.clip(
        cv2.warpAffine(image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101), 0, 255
    )


def _displacement(u: np.ndarray, v: np.ndarray, expression: Expression) -> tuple[np.ndarray, np.ndarray]:
    """How far the skin at (u, v) moves, in face coordinates."""
    down = 0.13 * expression.mouth_open * _bump(u, v, 0, 0.74, 0.45, 0.18)
    across = np.zeros_like(down)
    for side in (-1, 1):
        corner = expression.smile * _bump(u, v, side * 0.42, 0.48, 0.20, 0.18)
        across = across + side * 0.07 * corner
        down = down - 0.09 * corner
        eye = _bump(u, v, side * 0.5, -0.5, 0.26, 0.14)
        down = down - 0.30 * expression.squint * (v + 0.5) * eye
        down = down - 0.09 * expression.brows * _bump(u, v, side * 0.5, -0.80, 0.32, 0.13)
    return across, down


def _bump(u: np.ndarray, v: np.ndarray, at_u: float, at_v: float, sigma_u: float, sigma_v: float) -> np.ndarray:
    return np.exp(-0.5 * (((u - at_u) / sigma_u) ** 2 + ((v - at_v) / sigma_v) ** 2))
