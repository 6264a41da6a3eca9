"""Runs one of the methods of manipulation and blends its face into the frame."""

from __future__ import annotations

import cv2
import numpy as np

from records.forge.geometry import REGION, face_coordinates, oval, region_box
from records.forge.manipulations.blending import match_detail
from records.forge.manipulations.deepfakes import Deepfakes
from records.forge.manipulations.face2face import Face2Face
from records.forge.manipulations.faceswap import FaceSwap
from records.forge.manipulations.neural_textures import NeuralTextures
from records.forge.manipulations.painter import Painter, Scene
from records.forge.manipulations.self_blended import SelfBlended
from records.forge.mesh import Face, Topology, triangulate
from records.forge.seeds import generator

PAINTERS: dict[str, type[Painter]] = {
    "Deepfakes": Deepfakes,
    "Face2Face": Face2Face,
    "FaceSwap": FaceSwap,
    "NeuralTextures": NeuralTextures,
    "SelfBlended": SelfBlended,
}
METHODS = tuple(PAINTERS)
MASK_THRESHOLD = 0.05
GRAIN_SIDE = 192


class Manipulation:
    """The manipulation of one clip: a method with random parameters for its target and source.

    Attributes:
        strength: in [0, 1], from barely visible to plain.
    """

    def __init__(
        self,
        method: str,
        seed: int,
        target: str,
        source: str,
        frames: int,
        topology: Topology,
        strength: float | None = None,
    ) -> None:
        """Draws the parameters; the strength, too, evenly from [0, 1], unless it is given."""
        rng = generator(seed, "manipulation", method, target, source)
        drawn = float(rng.uniform())
        self.strength = drawn if strength is None else strength
        self._painter = PAINTERS[method](rng, frames, self.strength)
        self._detail = self._painter.DETAIL * float(np.exp(rng.normal(0, 0.15)))
        self._grain = rng.standard_normal((GRAIN_SIDE, GRAIN_SIDE), dtype=np.float32)
        self._topology = topology
        self._triangles: np.ndarray | None = None

    def apply(
        self, frame: int, target: Face, source: Face, swapped: np.ndarray, mouth: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Manipulates frame number `frame`.

        Args:
            frame: index in the clip.
            target, source: both faces.
            swapped, mouth: what the networks painted for this frame, see `Scene`.

        Returns:
            (image, mask): float32 (H, W, 3) in [0, 255]; uint8 (H, W), 255 where the face was replaced, else 0. Where
            the mask is 0, the opacity of the new face is at most MASK_THRESHOLD.
        """
        image, points = target.image, target.points
        height, width = image.shape[:2]
        y0, x0, y1, x1 = region_box(points, height, width)
        window = image[y0:y1, x0:x1]
        shift = np.array((x0, y0), np.float32)
        u, v = face_coordinates(points - shift, y1 - y0, x1 - x0)
        mesh = target.mesh - shift
        if self._triangles is None:  # the same triangles in all frames, so that the face does not flicker
            self._triangles = triangulate(mesh)
        scene = Scene(window, points - shift, mesh, u, v, self._topology, self._triangles, source, swapped, mouth)
        face, alpha = self._painter.paint(scene, frame)
        alpha = alpha * oval(u, v, **REGION)
        blended = window + alpha[..., None] * (face - window)
        # The grain replaces the texture of the skin, so it must move with the face.
        columns, rows = (u + 1.5) * (GRAIN_SIDE / 3), (v + 1.5) * (GRAIN_SIDE / 3)
        grain = cv2.remap(self._grain, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
        blended = match_detail(blended, window, alpha, self._detail, grain)
        manipulated, mask = image.copy(), np.zeros((height, width), np.uint8)
        manipulated[y0:y1, x0:x1] = np.clip(blended, 0, 255)
        mask[y0:y1, x0:x1] = np.where(alpha > MASK_THRESHOLD, 255, 0)
        return manipulated, mask
