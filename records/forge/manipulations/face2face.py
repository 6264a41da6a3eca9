"""Face2Face: the target's face with the source's expression, as a displacement of its mesh, rendered again."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.manipulations.blending import broad, match_colour, relight, skin_shift
from records.forge.manipulations.painter import Scene
from records.forge.mesh import Hull, carried_expression, warp_mesh

LEAST_OPENING = 0.03
"""Height of the open mouth in eye-mouth distances, from which its inside is taken from the source."""


class Face2Face:
    """Lips, lids, brows and the inside of the mouth of the source; the target's skin, lit by an estimated light."""

    DETAIL = 1.0

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        self.hull = Hull.of(rng, shrink=(0.90, 0.99), feather=(0.12 - 0.07 * strength, 0.22 - 0.10 * strength))
        self.amount = 0.35 + 0.65 * strength
        self.flatten = rng.uniform(0.05, 0.25) * strength
        self.smooth = rng.uniform(0.25, 0.35 + 0.35 * strength)
        self.angle, self.light = rng.uniform(0, 2 * np.pi), rng.uniform(0.02, 0.06) * strength
        self.shift = skin_shift(rng, 0.7 * strength)

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        alpha = self.hull.alpha(scene.mesh, scene.topology, *scene.size)
        face = with_expression(scene, self.amount)
        face = cv2.GaussianBlur(face, (0, 0), self.smooth)
        # Few spherical harmonics describe light only roughly: broad shading is moved towards the face's mean.
        mean = np.einsum("hw,hwc->c", alpha, face) / max(float(alpha.sum()), 1e-6)
        face = face + self.flatten * (mean - broad(face, 0.35 * scene.unit))
        return relight(face, scene.u, scene.v, self.angle, self.light) + self.shift, alpha


def with_expression(scene: Scene, amount: float, **features: tuple[str, ...]) -> np.ndarray:
    """The window with the source's expression carried over to the target: float32 (h, w, 3).

    Where the source's mouth is open, its inside is the source's.

    Args:
        scene: the frame.
        amount, features: as for `carried_expression`.
    """
    mesh = carried_expression(scene.mesh, scene.donor.mesh, scene.topology, amount, **features)
    face = warp_mesh(scene.window, scene.mesh, mesh, scene.triangles, *scene.size)
    lips = mesh[list(scene.topology.inner_lips)]
    corners = lips[[0, len(lips) // 2]]
    across = (corners[1] - corners[0]) / max(float(np.linalg.norm(corners[1] - corners[0])), 1e-6)
    opening = float(np.ptp(lips @ np.array((-across[1], across[0]))))
    if opening < LEAST_OPENING * scene.unit:
        return face
    inside = np.zeros(scene.size, np.uint8)
    cv2.fillPoly(inside, [np.rint(lips * 16).astype(np.int32)], 1, shift=4)
    inside = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), max(0.02 * scene.unit, 0.5))
    of_source = warp_mesh(scene.donor.image, scene.donor.mesh, mesh, scene.triangles, *scene.size)
    around = broad(inside, 0.15 * scene.unit)
    of_source = match_colour(of_source, face, np.clip(around - 0.5 * inside, 0, 1))
    return face + inside[..., None] * (of_source - face)
