"""Opens whatever scores faces (.tflite, SavedModel, run, server) as one kind of object, and MTCNN without TensorFlow.

What ships is one file of weights. Its .tflite form and that of MTCNN are made at first use and kept in a cache, so that
later answers come without TensorFlow.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import importlib.metadata
import importlib.util
import os
import urllib.parse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from records.atomic import atomic_folder
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
    """

    name: str
    size: int
    crop_scale: float
    score: Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
    faces: FaceDetector


def open_model(name: str | None, say: Callable[[str], None]) -> Model:
    """Opens a model.

    Args:
        name: None for the weights that ship; a .tflite file or edge bundle; a SavedModel; a run folder, `.keras` or
            `.npz` file; `grpc://host:port`, or `http://host:port/v1/models/NAME`.
        say: told what takes time, once.

    Raises:
        DataError: there is no such model, it is damaged, or the server does not describe one.
    """
    faces = _face_finder(say)
    if name is None:
        return _from_tflite(DEFAULT, _prepared_detector(say), faces)
    if "://" in name:
        return _from_server(name, faces)
    path = Path(name)
    if (path.is_file() and path.suffix == ".tflite") or (path / DETECTOR_FILE).is_file():
        return _from_tflite(name, path, faces)
    if path.is_file() and path.suffix not in (".keras", ".npz"):
        raise DataError(f"{name} is no model; give a .tflite, .keras or .npz file, a SavedModel, a run or a server.")
    return _from_keras(name, path, faces)


def cache_folder() -> Path:
    """Where files are kept that can be made again: `tfafsr` in $XDG_CACHE_HOME, or in ~/.cache."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tfafsr"


def _from_tflite(name: str, path: Path, faces: FaceDetector) -> Model:
    try:
        detector = EdgeDetector(path, THREADS)
    except EdgeError as error:
        raise DataError(str(error)) from error
    return _described(name, detector.description, detector.scores, faces)


def _from_keras(name: str, path: Path, faces: FaceDetector) -> Model:
    importlib.import_module("tfafsr.keras_objects")
    from experiments.runs import load_detector
    from savedmodel_export import describe, open_exported

    if (path / "saved_model.pb").is_file() or any(path.glob("*/saved_model.pb")):
        exported = open_exported(path)
        return _described(name, exported.description, exported.detect, faces)
    detector = load_detector(path)
    deployed = detector.deployed()

    def score(frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        outputs = deployed.predict_on_batch({"frame": frames, "keypoints": keypoints})
        return {name: outputs[name][:, 0] for name in ("probability", "log10_likelihood_ratio")}

    return _described(name, describe(detector), score, faces)


def _from_server(address: str, faces: FaceDetector) -> Model:
    importlib.import_module("tfafsr.keras_objects")
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
    return _described(address, description, client.detect, faces)


def _described(name: str, description: dict, score: Callable, faces: FaceDetector) -> Model:
    return Model(name, int(description["size"]), float(description["crop_scale"]), score, faces)


def _face_finder(say: Callable[[str], None]) -> FaceDetector:
    folder = cache_folder() / f"mtcnn-{importlib.metadata.version('mtcnn')}"

    def write(made: Path) -> None:
        from records.building import mtcnn_networks
        from savedmodel_export import converted_mtcnn

        for file, content in converted_mtcnn(mtcnn_networks()).items():
            (made / file).write_bytes(content)

    _kept(folder, "MTCNN", write, say)
    try:
        return load_face_detector(folder, THREADS)
    except EdgeError as error:
        raise DataError(f"{error} Or remove {folder}: it is made again.") from error


def _prepared_detector(say: Callable[[str], None]) -> Path:
    """The weights that ship, as a .tflite file. Its name holds their hash: other weights are made anew."""
    package = Path(importlib.util.find_spec("tfafsr").origin).parent
    weights = package / "shipped" / f"{DEFAULT}.npz"
    try:
        sha256 = hashlib.sha256(weights.read_bytes()).hexdigest()
    except OSError as error:
        raise DataError(f"{weights} cannot be read ({error.strerror}). Install tfafsr again.") from error
    folder = cache_folder() / f"{DEFAULT}-{sha256[:16]}"

    def write(made: Path) -> None:
        from experiments.runs import load_detector
        from savedmodel_export import export_tflite

        export_tflite(load_detector(Path(DEFAULT)), made / DETECTOR_FILE)

    _kept(folder, DEFAULT, write, say)
    return folder / DETECTOR_FILE


def _kept(folder: Path, what: str, write: Callable[[Path], None], say: Callable[[str], None]) -> None:
    """Makes a folder of the cache unless it is there; several processes may try at once."""
    if folder.is_dir():
        return
    say(f"Converting {what} for LiteRT, once; it is kept in {folder}.")
    importlib.import_module("tfafsr.keras_objects")  # loads TensorFlow without its start-up messages
    try:
        with atomic_folder(folder) as made:
            write(made)
    except DataError:
        if not folder.is_dir():  # else another process made it meanwhile
            raise
