"""Deepfakes: the source's face, decoded by an autoencoder from the target's, pasted through a hull."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.manipulations.blending import match_colour, match_shading, skin_shift
from records.forge.manipulations.faceswap import KINDS, opacity
from records.forge.manipulations.painter import Scene
from records.forge.mesh import Hull
from records.forge.networks import paste_crop


class Deepfakes:
    """A decoder's picture of 64 x 64 pixels.

    The weaker, the more transparent it is, the closer in colour, and the softer at its edge.
    """

    DETAIL = 1.15

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        self.hull = Hull.of(rng, KINDS, shrink=(0.84, 0.97), feather=(0.20 - 0.10 * strength, 0.32 - 0.12 * strength))
        self.shift = skin_shift(rng, strength)
        self.own_light = rng.uniform(0.2, 0.7) * strength
        self.opacity = opacity(strength)
        self.sharpen = rng.uniform(0.4, 1.2)
        self.texture = rng.uniform(0.4, 0.9) - 0.3 * strength

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        alpha = self.hull.alpha(scene.mesh, scene.topology, *scene.size)
        face = paste_crop(scene.swapped, scene.points, *scene.size)
        face = face + self.sharpen * (face - cv2.GaussianBlur(face, (0, 0), 1.5))
        face = match_colour(face, scene.window, alpha)
        face = match_shading(face, scene.window, alpha, 0.35 * scene.unit, 1 - self.own_light)
        # As face swap programs do, the skin gets fine texture; it is the target's.
        texture = scene.window - cv2.GaussianBlur(scene.window, (0, 0), max(0.02 * scene.unit, 0.7))
        return face + self.texture * texture + self.shift, self.opacity * alpha
