"""Opens any exported detector (SavedModel, .tflite file, edge bundle) as a function of faces and key points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import numpy as np
import tensorflow as tf

from records.errors import DataError
from savedmodel_export import saved_model, tflite
from savedmodel_export.edge_runtime import DETECTOR_FILE
from savedmodel_export.edge_runtime import Detector as EdgeDetector
from savedmodel_export.forms import SAVED_MODEL
from tfafsr import SCORES

Detect = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
"""frame uint8 (N, S, S, 3), keypoints float32 (N, 5, 2) -> {name in `SCORES`: float32 (N,)}."""
Explain = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""frame, keypoints as in `Detect` -> AFSR's reconstruction, float32 (N, S, S, 3) in [-1, 1]."""


@dataclasses.dataclass(frozen=True)
class Exported:
    """An exported detector that is ready to run.

    Attributes:
        path: the version folder or the .tflite file that was opened.
        form: one of `forms.FORMS`.
        size: bytes on disk.
        description: the description of the detector, see `model.describe`.
        detect: the exported detector as a function.
        explain: its reconstruction as a function; None if it was exported for scores alone.
    """

    path: Path
    form: str
    size: int
    description: dict[str, object]
    detect: Detect
    explain: Explain | None


def open_exported(path: Path, threads: int = 1) -> Exported:
    """Opens what `tfafsr export` wrote.

    Args:
        path: a SavedModel (a version folder, or the folder of all versions, whose newest is opened), a .tflite file, or
            an edge bundle.
        threads: for LiteRT; a SavedModel uses the threads that TensorFlow was given.

    Raises:
        DataError: the path does not exist, is not an export of this project, or is damaged.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist; give what `tfafsr export` wrote.")
    if path.is_file() or (path / DETECTOR_FILE).is_file():
        return _open_tflite(path if path.is_file() else path / DETECTOR_FILE, threads)
    return _open_saved_model(path)


def _open_saved_model(path: Path) -> Exported:
    folder = saved_model.find_version(path)
    model, description = saved_model.load_saved_model(folder)

    def detect(frame: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        # Goes through `model` on purpose: the variables of a signature are freed with the model.
        serve = model.signatures["serving_default"]
        outputs = serve(frame=tf.constant(frame), keypoints=tf.constant(keypoints))
        return {name: outputs[name].numpy()[:, 0] for name in SCORES}

    def explain(frame: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        outputs = model.signatures["explain"](frame=tf.constant(frame), keypoints=tf.constant(keypoints))
        return outputs["reconstruction"].numpy()

    gives = "explain" in model.signatures
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Exported(folder, SAVED_MODEL, size, description, detect, explain if gives else None)


def _open_tflite(path: Path, threads: int) -> Exported:
    with tflite.as_data_error():
        detector = EdgeDetector(path, threads)
    explain = detector.explain if detector.explains else None
    size, description = path.stat().st_size, detector.description
    return Exported(path, description["form"], size, description, detector.scores, explain)
