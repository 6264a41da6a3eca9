"""The detector on a device: crops around faces in, probabilities out, whatever the form of the network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np

from faces.crop import crop, crop_box, normalise_keypoints
from faces.ela import error_level_analysis
from faces.heatmaps import keypoint_heatmaps
from faces.mtcnn import Face

from .errors import EdgeError
from .network import Network

FILE, DESCRIPTION = "detector.tflite", "tfafsr.json"


class Detector:
    """Tells how probably a face is manipulated.

    Args:
        folder: holds detector.tflite.
        threads: that the network may use.

    Attributes:
        description: what the file says of itself: size, order of the key points, labels, temperature and more.

    Raises:
        EdgeError: the file is missing, damaged, or another project's.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        path = folder / FILE
        self._network = Network(path, threads)
        try:
            with zipfile.ZipFile(path) as archive:
                self.description = json.loads(archive.read(DESCRIPTION))
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise EdgeError(f"{path} was not written by `tfafsr export` ({error}); export the bundle again.") from error

    def look(self, rgb: np.ndarray, face: Face) -> tuple[np.ndarray, np.ndarray]:
        """The square crop around a face, uint8 (S, S, 3), and its key points in [0, 1] of the crop, float32 (5, 2)."""
        box = crop_box(face.box, self.description["crop_scale"])
        return crop(rgb, box, self.description["size"]), normalise_keypoints(face.keypoints, box)

    def probability(self, face: np.ndarray, keypoints: np.ndarray) -> float:
        """The calibrated probability that one face is manipulated, in [0, 1].

        Args:
            face: uint8 (S, S, 3) RGB.
            keypoints: float32 (5, 2), x and y in [0, 1] of the crop.
        """
        fields = {"frame": face[None], "keypoints": keypoints[None].astype(np.float32)}
        wanted = self._network.inputs
        if "ela" in wanted:
            ela = self.description["ela"]
            fields["ela"] = error_level_analysis(face, ela["quality"], ela["gain"])[None]
        if "heatmaps" in wanted:
            maps = self.description["heatmaps"]
            size = self.description["size"]
            fields["heatmaps"] = keypoint_heatmaps(fields["keypoints"], size, maps["stride"], maps["sigma"])
        return float(self._network(**{name: fields[name] for name in wanted})["probability"][0, 0])
