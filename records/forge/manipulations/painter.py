"""The interface of a method of manipulation: its input, `Scene`, and its protocol, `Painter`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np

from records.forge.mesh import Face, Topology


@dataclass(frozen=True)
class Scene:
    """The input for one frame: the window around the target's face, and the whole frame of the source.

    Attributes:
        window: float32 (h, w, 3) in [0, 255].
        points: float32 (5, 2), the target's key points in the window.
        mesh: float32 (K, 2), the target's mesh in the window.
        u, v: float32 (h, w), face coordinates of the window's pixels.
        topology, triangles: the parts of the mesh, and int32 (M, 3), its triangles.
        donor: the source's face.
        swapped, mouth: uint8 (64, 64, 3), what the two networks painted for this frame: the source's face with the
            target's expression, and the target's face with the source's mouth; see `records.forge.networks`.
    """

    window: np.ndarray
    points: np.ndarray
    mesh: np.ndarray
    u: np.ndarray
    v: np.ndarray
    topology: Topology
    triangles: np.ndarray
    donor: Face
    swapped: np.ndarray
    mouth: np.ndarray

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of the window."""
        return self.window.shape[:2]

    @property
    def unit(self) -> float:
        """Distance from eyes to mouth in pixels, the unit of lengths."""
        return float(np.linalg.norm(self.points[:2].mean(axis=0) - self.points[3:5].mean(axis=0)))


class Painter(Protocol):
    """A method of manipulation with the parameters of one clip.

    `DETAIL` is the amount of fine detail that the manipulated face gets, relative to the untouched face. It is above 1
    for methods whose faces lose more detail by compression.
    """

    DETAIL: ClassVar[float]

    def __init__(self, rng: np.random.Generator, frames: int, strength: float) -> None:
        """Draws the parameters of a clip of `frames` frames; `strength` in [0, 1] goes from barely visible to plain."""

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """The new face (h, w, 3), float32 in about [0, 255], and its opacity (h, w) in [0, 1], for the window."""
