"""The detector in a .tflite file: from crops and key points to scores, for every form of the network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from faces import Face, crop_box, crop_square, normalise_keypoints

from .description import DETECTOR_FILE, read_description
from .errors import EdgeError
from .inputs import network_inputs
from .network import Network

SCORES = ("probability", "log10_likelihood_ratio", "logit")
RECONSTRUCTION = "reconstruction"  # an output of networks that were exported to explain faces


class Detector:
    """Gives the probability that a face is manipulated.

    Args:
        path: a bundle, or its detector.tflite.
        threads: threads that the network may use.

    Attributes:
        description: the description in the file: size, order of the key points, labels, calibration and more.

        explains: whether `explain` can be called.

    Raises:
        EdgeError: the file is missing or damaged, or this project or this version did not write it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        file = path / DETECTOR_FILE if path.is_dir() else path
        self.description = read_description(file)
        self._network = Network(file, threads)
        if missing := [name for name in SCORES if name not in self._network.outputs]:
            raise EdgeError(f"{file} lacks the output {missing[0]}: an earlier version exported it; export it again.")
        self.explains = RECONSTRUCTION in self._network.outputs

    def crop_face(self, rgb: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
        """The square crop around a face, uint8 (S, S, 3), and its key points in [0, 1] of the crop, float32 (5, 2)."""
        box = crop_box(face.box, self.description["crop_scale"])
        return crop_square(rgb, box, self.description["size"]), normalise_keypoints(face.keypoints, box)

    def scores(self, frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        """What the network says of faces.

        Args:
            frames: uint8 (N, S, S, 3) RGB.
            keypoints: (N, 5, 2), x and y in [0, 1] of the crop.

        Returns:
            {"probability": that the face is manipulated, calibrated at even odds, in [0, 1]; "log10_likelihood_ratio":
            how many times as likely the face is if it is manipulated, as a power of ten; "logit"}, all float32 (N,).
        """
        outputs = self._run(frames, keypoints)
        return {name: outputs[name][:, 0] for name in SCORES}

    def explain(self, frames: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        """The super-resolution network's reconstruction of faces, float32 (N, S, S, 3) RGB in [-1, 1].

        Args:
            frames, keypoints: as in `scores`.

        Raises:
            EdgeError: the file was exported without it.
        """
        if not self.explains:
            raise EdgeError("The network gives no reconstruction: it was exported for scores alone.")
        return self._run(frames, keypoints)[RECONSTRUCTION]

    def _run(self, frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        return self._network(**network_inputs(self._network.inputs, self.description, frames, keypoints))
