"""Opens whatever scores faces (.tflite, SavedModel, run, server) as one kind of object, and MTCNN's .tflite form."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from experiments.detection.card import Card, read_card
from experiments.version import package
from records.errors import DataError
from savedmodel_export.edge_runtime import DETECTOR_FILE, EdgeError, load_face_detector
from savedmodel_export.edge_runtime import Detector as EdgeDetector

if TYPE_CHECKING:
    from faces import FaceDetector

DEFAULT = "photos-1-tiny"  # weights that ship
THREADS = 2


@dataclasses.dataclass(frozen=True)
class Model:
    """A detector and a face finder that are ready to run.

    Attributes:
        name: what was asked for.
        size: side of the faces it takes, in pixels.
        crop_scale: side of the square crop over the longer side of MTCNN's box.
        score: uint8 (N, S, S, 3) RGB and float32 (N, 5, 2) in [0, 1] -> {`probability`, `log10_likelihood_ratio`},
            float32 (N,).
        faces: MTCNN.
        explain: the same arguments -> AFSR's reconstruction, float32 (N, S, S, 3) in [-1, 1]; None if this form of the
            model does not give it.
        card: what was measured of the model; None if nothing is known.
    """

    name: str
    size: int
    crop_scale: float
    score: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
    faces: FaceDetector
    explain: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None
    card: Card | None = None

    def check_alarms(self, max_false_alarms: float) -> None:
        """Raises `DataError` if there is no threshold for this share of false alarms."""
        if self.card is None:
            raise DataError(
                f"{self.name} brings no scores of real clips, so that no threshold for false alarms is known. Leave "
                "--max-false-alarms out, or give weights (.npz)."
            )
        if self.card.threshold(max_false_alarms, None) is None:
            clips = min(map(len, self.card.real.values()), default=0)
            raise DataError(
                f"{self.name} was measured on {clips} real clips, which tell nothing of {max_false_alarms:.2%} false "
                f"alarms; give at least {1 / (clips + 1):.4f}."
            )


def open_model(name: str | None) -> Model:
    """Opens a model.

    Args:
        name: None for the weights that ship; a .tflite file or edge bundle; a SavedModel; a run folder, `.keras` or
            `.npz` file; `grpc://host:port`, or `http://host:port/v1/models/NAME`.

    Raises:
        DataError: there is no such model, it is damaged, or the server does not describe one.
    """
    faces = _face_finder()
    if name is None:
        opened = _from_tflite(DEFAULT, shipped() / f"{DEFAULT}.tflite", faces)
        return dataclasses.replace(opened, card=read_card(shipped() / f"{DEFAULT}.npz"))
    if "://" in name:
        return _from_server(name, faces)
    path = Path(name)
    if (path.is_file() and path.suffix == ".tflite") or (path / DETECTOR_FILE).is_file():
        return _from_tflite(name, path, faces)
    if path.is_file() and path.suffix not in (".keras", ".npz"):
        raise DataError(f"{name} is no model; give a .tflite, .keras or .npz file, a SavedModel, a run or a server.")
    return _from_keras(name, path, faces)


def shipped() -> Path:
    """The folder of the files that ship, found without importing the package, which would load TensorFlow."""
    return package() / "shipped"


def _from_tflite(name: str, path: Path, faces: FaceDetector) -> Model:
    try:
        detector = EdgeDetector(path, THREADS)
    except EdgeError as error:
        raise DataError(str(error)) from error
    explain = detector.explain if detector.explains else None
    return _described(name, detector.description, faces, detector.scores, explain)


def _from_keras(name: str, path: Path, faces: FaceDetector) -> Model:
    _load_tensorflow(name)
    from experiments.runs import load_detector
    from savedmodel_export import describe, open_exported

    if (path / "saved_model.pb").is_file() or any(path.glob("*/saved_model.pb")):
        exported = open_exported(path)
        return _described(name, exported.description, faces, exported.detect, exported.explain)
    detector = load_detector(path)
    deployed = detector.deployed()

    def outputs(frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        fields = {"frame": frames, "keypoints": keypoints}
        return deployed.predict_on_batch({name: fields[name] for name in deployed.input})

    def score(frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        found = outputs(frames, keypoints)
        return {name: found[name][:, 0] for name in ("probability", "log10_likelihood_ratio")}

    def explain(frames: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        return outputs(frames, keypoints)["reconstruction"]

    description = describe(detector)
    opened = _described(name, description, faces, score, explain if description["explains"] else None)
    return dataclasses.replace(opened, card=read_card(path)) if path.suffix == ".npz" else opened


def _from_server(address: str, faces: FaceDetector) -> Model:
    _load_tensorflow(address)
    from savedmodel_export import GrpcClient, RestClient, ServingError

    parts = urllib.parse.urlsplit(address)
    model = parts.path.rpartition("/models/")[2].strip("/") or "tfafsr"
    if parts.scheme == "grpc":
        client = GrpcClient(parts.netloc, model)
    elif parts.scheme in ("http", "https"):
        client = RestClient(f"{parts.scheme}://{parts.netloc}", model)
    else:
        raise DataError(f"{address} is no server of models; give grpc://host:8500 or http://host:8501/v1/models/NAME.")
    try:
        description = client.describe()
    except ServingError as error:
        raise DataError(f"The server gives no model: {error}") from error
    explains = description.get("explains", True)  # earlier versions do not say
    explain = (lambda *face: client.explain(*face)["reconstruction"]) if explains else None
    return _described(address, description, faces, client.detect, explain)


def _described(name: str, description: dict, faces: FaceDetector, score: Callable, explain: Callable | None) -> Model:
    return Model(name, int(description["size"]), float(description["crop_scale"]), score, faces, explain)


def _face_finder() -> FaceDetector:
    try:
        return load_face_detector(shipped() / "mtcnn", THREADS)
    except EdgeError as error:
        raise DataError(f"{error} Install tfafsr again.") from error


def _load_tensorflow(name: str) -> None:
    """Loads it without its start-up messages."""
    if importlib.util.find_spec("tensorflow") is None:
        raise DataError(f"{name} needs TensorFlow, which is not installed: pip install tfafsr (or pip install .).")
    importlib.import_module("tfafsr.keras_objects")
