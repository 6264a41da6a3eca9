"""The region of a face that is replaced: a hull of the mesh, distorted at random, with a soft edge."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from records.forge.mesh.topology import Topology

WAVES = 4
"""Number of sinusoids that distort the outline of a hull."""
KINDS = ("face", "without forehead", "inner")


@dataclass(frozen=True)
class Hull:
    """The shape of a region in one clip; `alpha` draws it for the mesh of each frame.

    Attributes:
        kind: a value of `KINDS`, or `lower` for the part below the nose.
        shrink: 1 keeps the hull's size, 0.8 shrinks it to 80% around its centre.
        feather: width of the soft edge, inwards, as a share of the hull's height.
        amplitudes, phases: of the sinusoids that distort the outline.
    """

    kind: str
    shrink: float
    feather: float
    amplitudes: np.ndarray
    phases: np.ndarray

    @classmethod
    def of(
        cls,
        rng: np.random.Generator,
        kinds: tuple[str, ...] = KINDS,
        shrink: tuple[float, float] = (0.86, 0.99),
        feather: tuple[float, float] = (0.06, 0.25),
    ) -> Hull:
        """A random hull; `shrink` and `feather` are ranges."""
        return cls(
            kind=str(rng.choice(kinds)),
            shrink=rng.uniform(*shrink),
            feather=rng.uniform(*feather),
            amplitudes=rng.normal(0, 0.018, WAVES),
            phases=rng.uniform(0, 2 * np.pi, WAVES),
        )

    def alpha(self, mesh: np.ndarray, topology: Topology, height: int, width: int) -> np.ndarray:
        """Opacity of the region: float32 (height, width) in [0, 1], 0 outside of the face's outline.

        Args:
            mesh: float32 (K, 2), in pixels.
            topology: the parts of the mesh.
            height, width: size of the result.
        """
        hull = cv2.convexHull(self._points(mesh, topology).astype(np.float32))[:, 0]
        centre = hull.mean(axis=0)
        around = hull - centre
        angle = np.arctan2(around[:, 1], around[:, 0])
        waves = sum(
            amplitude * np.sin((number + 1) * angle + phase)
            for number, (amplitude, phase) in enumerate(zip(self.amplitudes, self.phases, strict=True))
        )
        shape = centre + around * np.minimum(self.shrink * (1 + waves), 1.0)[:, None]
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [np.rint(shape * 16).astype(np.int32)], 1, lineType=cv2.LINE_8, shift=4)
        inside[[0, -1]] = inside[:, [0, -1]] = 0
        depth = cv2.distanceTransform(inside, cv2.DIST_L2, 5)
        edge = np.clip(depth / max(self.feather * float(np.ptp(hull[:, 1])), 1.0), 0, 1)
        return (edge * edge * (3 - 2 * edge)).astype(np.float32)

    def _points(self, mesh: np.ndarray, topology: Topology) -> np.ndarray:
        """The points whose convex hull is the region."""
        outline = mesh[list(topology.outline)]
        if self.kind == "face":
            return outline
        lips = mesh[list(topology.outer_lips)]
        brows = mesh[list(topology.left_brow + topology.right_brow)]
        up = brows.mean(axis=0) - lips.mean(axis=0)
        up = up / max(float(np.linalg.norm(up)), 1e-6)
        if self.kind == "lower":
            level = mesh[list(topology.nose)].mean(axis=0) @ up
            return np.concatenate((outline[outline @ up < level], lips))
        top = (brows @ up).max()
        below = np.concatenate((outline[outline @ up < top], brows))
        if self.kind == "without forehead":
            return below
        eyes = mesh[list(topology.left_eye + topology.right_eye)]
        centre = lips.mean(axis=0) + 0.5 * up * (up @ (eyes.mean(axis=0) - lips.mean(axis=0)))
        return np.concatenate((centre + 0.82 * (below - centre), brows, lips))
