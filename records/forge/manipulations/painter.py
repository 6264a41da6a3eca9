"""What a method of manipulation is given, and what it gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Protocol

import numpy as np


@dataclass(frozen=True)
class Scene:
    """One frame that a method manipulates: the window around the target's face, and the source's whole frame.

    Attributes:
        window: float32 (h, w, 3) in [0, 255].
        points: float32 (5, 2), the target's key points in the window.
        u, v: float32 (h, w), face coordinates of the window's pixels.
        donor, donor_points: float32 (H, W, 3) and (5, 2), the source's frame.
    """

    window: np.ndarray
    points: np.ndarray
    u: np.ndarray
    v: np.ndarray
    donor: np.ndarray
    donor_points: np.ndarray

    @property
    def unit(self) -> float:
        """Distance from eyes to mouth in pixels: what lengths scale with."""
        return float(np.linalg.norm(self.points[:2].mean(axis=0) - self.points[3:5].mean(axis=0)))


class Painter(Protocol):
    """A method of manipulation with the parameters of one clip.

    `DETAIL` is how much fine detail the manipulated face gets, in units of the untouched face's: methods whose faces
    lose more of it when they are compressed get more than 1.
    """

    DETAIL: ClassVar[float]

    def __init__(self, rng: np.random.Generator, frames: int) -> None:
        """Draws the parameters of a clip of `frames` frames."""

    def paint(self, scene: Scene, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """The new face (h, w, 3), float32 in [0, 255], and its opacity (h, w) in [0, 1], for the scene's window."""
