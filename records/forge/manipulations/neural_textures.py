"""NeuralTextures: the mouth region with the source's lips, rendered by a network."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.manipulations.blending import match_shading, skin_shift
from records.forge.manipulations.face2face import with_expression
from records.forge.manipulations.painter import Scene
from records.forge.mesh import Hull
from records.forge.networks import LIPS_AMOUNT, paste_crop

LIPS = ("outer_lips", "inner_lips")


class NeuralTextures:
    """The lower face only: the network's picture, and of the finer detail a part that the warped face keeps."""

    DETAIL = 1.05

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        self.hull = Hull.of(
            rng, kinds=("lower",), shrink=(0.86, 0.98), feather=(0.22 - 0.10 * strength, 0.34 - 0.12 * strength)
        )
        self.amount = LIPS_AMOUNT * (0.4 + 0.6 * strength)  # at full strength the lips lie where the network paints
        self.kept_detail = 0.8 * (1 - strength)
        self.rendered = 0.3 + 0.7 * strength
        self.shift = skin_shift(rng, 0.6 * strength)

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        alpha = self.hull.alpha(scene.mesh, scene.topology, *scene.size)
        warped = with_expression(scene, self.amount, features=LIPS)
        fine = warped - cv2.GaussianBlur(warped, (0, 0), max(0.03 * scene.unit, 0.5))
        face = paste_crop(scene.mouth, scene.points, *scene.size)
        face = match_shading(face, scene.window, alpha, 0.5 * scene.unit, 0.8) + self.kept_detail * fine
        face = warped + self.rendered * (face - warped)
        return face + self.shift, alpha
