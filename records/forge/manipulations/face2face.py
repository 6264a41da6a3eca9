"""Imitates Face2Face: the target's own face with another expression, rendered again under estimated light."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.camera import Expression, warp_expression
from records.forge.geometry import oval, random_outline
from records.forge.manipulations.blending import colour_shift, relight
from records.forge.manipulations.painter import Scene
from records.forge.seeds import smooth_path


class Face2Face:
    """A face with exaggerated mouth and eyes, flattened shading and a sharp outline."""

    DETAIL = 0.96

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        base = {
            "mouth_open": rng.choice((-1, 1)) * rng.uniform(0.9, 1.8),
            "smile": rng.choice((-1, 1)) * rng.uniform(0.8, 1.6),
            "squint": rng.uniform(-1.0, 1.0),
            "brows": rng.uniform(-1.2, 1.2),
        }
        moving = {name: value + smooth_path(rng, frames, 0.25) for name, value in base.items()}
        self.expressions = [
            Expression(**{name: float(curve[t]) for name, curve in moving.items()}) for t in range(frames)
        ]
        self.flatten = rng.uniform(0.25, 0.55)
        self.shift = colour_shift(rng, 13, 24)
        self.angle, self.light = rng.uniform(0, 2 * np.pi), rng.uniform(0.12, 0.26)
        self.outline = random_outline(
            rng,
            half_width=(0.82, 0.96),
            top=(-1.06, -0.84),
            bottom=(0.94, 1.10),
            power=(2.0, 2.8),
            feather=(0.06, 0.16),
        )

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        height, width = scene.window.shape[:2]
        mask = oval(scene.u, scene.v, **self.outline)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        face = warp_expression(scene.window, x, y, scene.points, self.expressions[frame])
        # Few spherical harmonics describe light only roughly: broad shading is moved towards the face's mean.
        broad = cv2.GaussianBlur(face, (0, 0), 0.35 * scene.unit)
        mean = np.einsum("hw,hwc->c", mask, face) / mask.sum()
        face = face + self.flatten * (mean - broad)
        return relight(face, scene.u, scene.v, self.angle, self.light) + self.shift, mask
