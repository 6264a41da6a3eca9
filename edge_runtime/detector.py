"""The detector on a device: crops around faces in, probabilities out, whatever the form of the network."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.ela import error_level_analysis
from edge_runtime.errors import EdgeError
from edge_runtime.heatmaps import keypoint_heatmaps
from edge_runtime.mtcnn import Face
from edge_runtime.network import Network

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
        y0, x0, y1, x1 = face.box
        side = max(1.0, np.round(self.description["crop_scale"] * max(y1 - y0, x1 - x0)))
        top, left = int(np.round((y0 + y1 - side) / 2)), int(np.round((x0 + x1 - side) / 2))
        bottom, right = top + int(side), left + int(side)
        height, width = rgb.shape[:2]
        inside = rgb[max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
        beyond = (max(-top, 0), max(bottom - height, 0), max(-left, 0), max(right - width, 0))
        square = cv2.copyMakeBorder(inside, *beyond, cv2.BORDER_REPLICATE)
        size = self.description["size"]
        shrinking = inside.shape[0] > size
        crop = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR)
        points = (face.keypoints.astype(np.float64) - [left, top]) / side
        return crop, np.clip(points, 0, 1).astype(np.float32)

    def probability(self, crop: np.ndarray, keypoints: np.ndarray) -> float:
        """The calibrated probability that one face is manipulated, in [0, 1].

        Args:
            crop: uint8 (S, S, 3) RGB.
            keypoints: float32 (5, 2), x and y in [0, 1] of the crop.
        """
        fields = {"frame": crop[None], "keypoints": keypoints[None].astype(np.float32)}
        wanted = self._network.inputs
        if "ela" in wanted:
            ela = self.description["ela"]
            fields["ela"] = error_level_analysis(crop, ela["quality"], ela["gain"])[None]
        if "heatmaps" in wanted:
            maps = self.description["heatmaps"]
            size = self.description["size"]
            fields["heatmaps"] = keypoint_heatmaps(fields["keypoints"], size, maps["stride"], maps["sigma"])
        return float(self._network(**{name: fields[name] for name in wanted})["probability"][0, 0])
