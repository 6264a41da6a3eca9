"""FaceSwap: the source's face carried over to the target's mesh, triangle by triangle, and blended in."""

from __future__ import annotations

import numpy as np

from records.forge.manipulations.blending import match_colour, match_shading, poisson, relight, skin_shift
from records.forge.manipulations.painter import Scene
from records.forge.mesh import Hull, warp_mesh

POISSON_SHARE = 0.3
"""Share of the clips that are blended by Poisson's equation; the others by a soft edge."""
KINDS = ("without forehead", "without forehead", "inner")
"""The source's forehead stays out, because its hair would come with it."""
LEAST_OPACITY = 0.4
"""Opacity at strength 0: the face looks like a relative of both."""


def opacity(strength: float) -> float:
    """The opacity of a partner's face, in [LEAST_OPACITY, 1], for a strength in [0, 1]."""
    return LEAST_OPACITY + (1 - LEAST_OPACITY) * strength


class FaceSwap:
    """The source's face in the target's shape; its colour is matched, and of its light a part is left.

    The weaker, the more transparent it is.
    """

    DETAIL = 1.0

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        self.hull = Hull.of(rng, KINDS, feather=(0.16 - 0.10 * strength, 0.26 - 0.12 * strength))
        self.opacity = opacity(strength)
        self.poisson = rng.random() < POISSON_SHARE
        self.shift = skin_shift(rng, strength)
        self.own_light = rng.uniform(0.1, 0.4) * strength
        self.angle, self.light = rng.uniform(0, 2 * np.pi), 0.05 * strength
        self.stretch = 1 + strength * rng.uniform(-0.04, 0.04, 2)
        self.jitter = strength * rng.normal(0, 0.006, (frames, 2)).astype(np.float32)

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """See `Painter.paint`."""
        alpha = self.hull.alpha(scene.mesh, scene.topology, *scene.size)
        centre = scene.mesh.mean(axis=0)
        goal = centre + (scene.mesh - centre) * self.stretch + scene.unit * self.jitter[frame]
        face = warp_mesh(scene.donor.image, scene.donor.mesh, goal.astype(np.float32), scene.triangles, *scene.size)
        face = match_colour(face, scene.window, alpha)
        face = match_shading(face, scene.window, alpha, 0.35 * scene.unit, 1 - self.own_light)
        if self.poisson:
            face = poisson(face, scene.window, alpha)
        return relight(face, scene.u, scene.v, self.angle, self.light) + self.shift, self.opacity * alpha
