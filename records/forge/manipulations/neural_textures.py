"""Imitates NeuralTextures: the mouth region rendered again, with a texture of other statistics than skin."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.camera import Expression, warp_expression
from records.forge.geometry import oval, random_outline
from records.forge.manipulations.blending import colour_shift
from records.forge.manipulations.painter import Scene
from records.forge.seeds import generator, smooth_path


class NeuralTextures:
    """The lower face only: blotches of a wrong scale instead of pores, another tint and another mouth."""

    DETAIL = 1.05

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        opening = rng.choice((-1, 1)) * rng.uniform(0.6, 1.4) + smooth_path(rng, frames, 0.2)
        smile = rng.uniform(-1.2, 1.2) + smooth_path(rng, frames, 0.15)
        self.expressions = [
            Expression(mouth_open=float(a), smile=float(b)) for a, b in zip(opening, smile, strict=True)
        ]
        self.smooth = rng.uniform(0.02, 0.04)
        self.blotch_size, self.blotch = rng.uniform(0.05, 0.09), rng.uniform(3.0, 6.0)
        self.blotch_seed = int(rng.integers(2**31))
        self.shift = colour_shift(rng, 20, 34)
        self.outline = random_outline(
            rng, half_width=(0.64, 0.80), top=(-0.14, 0.06), bottom=(0.98, 1.10), power=(2.2, 3.0), feather=(0.12, 0.28)
        )

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        height, width = scene.window.shape[:2]
        mask = oval(scene.u, scene.v, **self.outline)
        x, y = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
        face = warp_expression(scene.window, x, y, scene.points, self.expressions[frame])
        face = cv2.GaussianBlur(face, (0, 0), self.smooth * scene.unit)
        return face + self.shift + self._blotches(scene)[..., None], mask

    def _blotches(self, scene: Scene) -> np.ndarray:
        """A pattern of blotches in grey levels that moves with the face."""
        side = 128
        field = generator(self.blotch_seed, "blotches").standard_normal((side, side), dtype=np.float32)
        field = cv2.GaussianBlur(field, (0, 0), self.blotch_size * side / 3)
        field *= self.blotch / field.std()
        columns, rows = (scene.u + 1.5) * (side / 3), (scene.v + 1.5) * (side / 3)
        return cv2.remap(field, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
