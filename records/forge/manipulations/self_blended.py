"""SelfBlended: the target's own face, slightly transformed, blended with itself (Shiohara and Yamasaki, CVPR 2022)."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.manipulations.blending import skin_shift
from records.forge.manipulations.painter import Scene
from records.forge.mesh import Hull

OPACITIES = (0.5, 0.75, 1.0, 1.0)


class SelfBlended:
    """The traces of blending alone: edges of a hull, a shifted copy, another sharpness and another tone."""

    DETAIL = 1.0

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        self.hull = Hull.of(rng, shrink=(0.80, 0.99), feather=(0.12 - 0.09 * strength, 0.24 - 0.14 * strength))
        self.opacity = float(rng.choice(OPACITIES))
        self.move = rng.choice((-1, 1), 2) * rng.uniform(0.4, 1.0, 2) * (0.01 + 0.03 * strength)
        self.zoom = 1 + rng.choice((-1, 1)) * rng.uniform(0.3, 1.0) * (0.01 + 0.04 * strength)
        self.turn = rng.uniform(-1.5, 1.5) * strength
        self.blur = rng.uniform(0.0, 0.4 + 0.5 * strength)
        self.sharpen = rng.random() < 0.4
        self.contrast = 1 + rng.uniform(-0.08, 0.08) * strength
        self.shift = skin_shift(rng, strength)

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        height, width = scene.size
        alpha = self.hull.alpha(scene.mesh, scene.topology, height, width)
        x, y = (float(value) for value in scene.mesh.mean(axis=0))
        matrix = cv2.getRotationMatrix2D((x, y), self.turn, self.zoom)
        matrix[:, 2] += scene.unit * self.move
        face = cv2.warpAffine(
            scene.window, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101
        )
        if self.blur > 0.15:
            soft = cv2.GaussianBlur(face, (0, 0), self.blur)
            face = 2 * face - soft if self.sharpen else soft
        mean = np.einsum("hw,hwc->c", alpha, face) / max(float(alpha.sum()), 1e-6)
        return mean + self.contrast * (face - mean) + self.shift, self.opacity * alpha
