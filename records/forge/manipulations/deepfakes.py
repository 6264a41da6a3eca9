"""Imitates Deepfakes: the source's face at an autoencoder's low resolution and in another tint, with a soft mask."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.camera import align
from records.forge.geometry import oval, random_outline
from records.forge.manipulations.blending import colour_shift, match_colour, relight
from records.forge.manipulations.painter import Scene


class Deepfakes:
    """A low-resolution face with imperfect colour and a wide soft mask from the brows to the chin."""

    DETAIL = 1.04

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        self.bottleneck = rng.uniform(14, 26)
        self.shift = colour_shift(rng, 14, 25)
        self.angle, self.light = rng.uniform(0, 2 * np.pi), rng.uniform(0.06, 0.18)
        self.stretch = rng.uniform(0.95, 1.06, 2)
        self.outline = random_outline(
            rng,
            half_width=(0.80, 0.94),
            top=(-1.08, -0.86),
            bottom=(0.92, 1.06),
            power=(2.0, 3.0),
            feather=(0.18, 0.35),
        )

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        height, width = scene.window.shape[:2]
        mask = oval(scene.u, scene.v, **self.outline)
        centre = scene.points.mean(axis=0)
        face = align(scene.donor, scene.donor_points, centre + (scene.points - centre) * self.stretch, height, width)
        # The face has `bottleneck` pixels from the eyes to the mouth.
        factor = min(self.bottleneck / scene.unit, 1.0)
        small = cv2.resize(face, (round(width * factor), round(height * factor)), interpolation=cv2.INTER_AREA)
        face = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
        face = match_colour(face, scene.window, mask)
        return relight(face, scene.u, scene.v, self.angle, self.light) + self.shift, mask
