"""The detector in a .tflite file: from crops and key points to probabilities, for every form of the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faces import Face, crop_box, crop_square, normalise_keypoints

from .description import DETECTOR_FILE, read_description
from .inputs import network_inputs
from .network import Network


class Detector:
    """Gives the probability that a face is manipulated.

    Args:
        path: a bundle, or its detector.tflite.
        threads: threads that the network may use.

    Attributes:
        description: the description in the file: size, order of the key points, labels, temperature and more.

    Raises:
        EdgeError: the file is missing or damaged, or this project did not write it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        file = path / DETECTOR_FILE if path.is_dir() else path
        self.description = read_description(file)
        self._network = Network(file, threads)

    def crop_face(self, rgb: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
        """The square crop around a face, uint8 (S, S, 3), and its key points in [0, 1] of the crop, float32 (5, 2)."""
        box = crop_box(face.box, self.description["crop_scale"])
        return crop_square(rgb, box, self.description["size"]), normalise_keypoints(face.keypoints, box)

    def probabilities(self, frames: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        """The calibrated probabilities that faces are manipulated, float32 (N,) in [0, 1].

        Args:
            frames: uint8 (N, S, S, 3) RGB.
            keypoints: (N, 5, 2), x and y in [0, 1] of the crop.
        """
        inputs = network_inputs(self._network.inputs, self.description, frames, keypoints)
        return self._network(**inputs)["probability"][:, 0]
