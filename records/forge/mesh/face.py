"""One face in one frame: its picture, key points and mesh."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Face:
    """A face in a frame.

    Attributes:
        image: float32 (H, W, 3) in [0, 255], the whole frame.
        points: float32 (5, 2), the key points in pixels.
        mesh: float32 (K, 2), the mesh in pixels.
    """

    image: np.ndarray
    points: np.ndarray
    mesh: np.ndarray
