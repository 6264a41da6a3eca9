"""Imitates FaceSwap: the source's face aligned with the target's key points, under another light than the scene's."""

from __future__ import annotations

import numpy as np

from records.forge.camera import align
from records.forge.geometry import oval, random_outline
from records.forge.manipulations.blending import colour_shift, match_colour, relight
from records.forge.manipulations.painter import Scene


class FaceSwap:
    """The source's face, slightly misaligned, with matched mean colour, light from another side and a hard boundary."""

    DETAIL = 0.97

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        self.shift = colour_shift(rng, 10, 20)
        self.angle, self.light = rng.uniform(0, 2 * np.pi), rng.uniform(0.16, 0.30)
        self.contrast = rng.uniform(0.8, 1.2)
        self.stretch = rng.uniform(0.93, 1.08, 2)
        self.jitter = rng.normal(0, 0.006, (frames, 2)).astype(np.float32)
        self.outline = random_outline(
            rng,
            half_width=(0.78, 0.92),
            top=(-1.02, -0.80),
            bottom=(0.88, 1.04),
            power=(2.2, 3.6),
            feather=(0.05, 0.14),
        )

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        height, width = scene.window.shape[:2]
        mask = oval(scene.u, scene.v, **self.outline)
        centre = scene.points.mean(axis=0)
        goal = centre + (scene.points - centre) * self.stretch + scene.unit * self.jitter[frame]
        face = align(scene.donor, scene.donor_points, goal, height, width)
        face = match_colour(face, scene.window, mask)
        mean = np.einsum("hw,hwc->c", mask, face) / mask.sum()
        face = mean + self.contrast * (face - mean)
        return relight(face, scene.u, scene.v, self.angle, self.light) + self.shift, mask
