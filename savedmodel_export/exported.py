"""Opens any exported detector (SavedModel, .tflite file, edge bundle) as a function of faces and key points."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from faces.ela import error_level_analysis
from faces.heatmaps import keypoint_heatmaps
from records.errors import DataError
from savedmodel_export import saved_model, tflite

BUNDLED = "detector.tflite"
SAVED_MODEL = "savedmodel"
FORMS = (SAVED_MODEL, *tflite.QUANTIZE)

Detect = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""frame uint8 (N, S, S, 3), keypoints float32 (N, 5, 2) -> probability, float32 (N,)."""


@dataclasses.dataclass(frozen=True)
class Exported:
    """An exported detector that is ready to run.

    Attributes:
        path: the version folder or the .tflite file that was opened.
        form: one of `FORMS`.
        size: bytes on disk.
        description: what `model.describe` said of the detector.
        detect: the function that it is.
    """

    path: Path
    form: str
    size: int
    description: dict[str, object]
    detect: Detect


def open_exported(path: Path, threads: int = 1) -> Exported:
    """Opens what `tfafsr export` wrote.

    Args:
        path: a SavedModel (its version folder, or the folder of all versions, of which the newest counts), a .tflite
            file, or an edge bundle.
        threads: of LiteRT; a SavedModel takes as many as TensorFlow was given.

    Raises:
        DataError: there is nothing, or it is another project's, or it is damaged.
    """
    if not path.exists():
        raise DataError(f"{path} does not exist; give what `tfafsr export` wrote.")
    if path.is_file() or (path / BUNDLED).is_file():
        return _open_tflite(path if path.is_file() else path / BUNDLED, threads)
    return _open_saved_model(path)


def _open_saved_model(path: Path) -> Exported:
    folder = saved_model.find_version(path)
    model, description = saved_model.load_saved_model(folder)

    def detect(frame: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        # By way of the model, not of a signature alone: the variables live only as long as the model does.
        serve = model.signatures["serving_default"]
        return serve(frame=tf.constant(frame), keypoints=tf.constant(keypoints))["probability"].numpy()[:, 0]

    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return Exported(folder, SAVED_MODEL, size, description, detect)


def _open_tflite(path: Path, threads: int) -> Exported:
    description = tflite.read_description(path)
    try:
        interpreter = Interpreter(model_path=str(path), num_threads=threads)
        run = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise DataError(f"LiteRT cannot load {path} ({error}); export it again.") from error
    wanted = set(run.get_input_details())

    def detect(frame: np.ndarray, keypoints: np.ndarray) -> np.ndarray:
        fields = {"frame": frame, "keypoints": keypoints}
        if "ela" in wanted:
            ela = description["ela"]
            fields["ela"] = np.stack([error_level_analysis(face, ela["quality"], ela["gain"]) for face in frame])
        if "heatmaps" in wanted:
            maps = description["heatmaps"]
            heatmaps = keypoint_heatmaps(keypoints, description["size"], maps["stride"], maps["sigma"])
            fields["heatmaps"] = np.asarray(heatmaps, np.float32)
        return run(**{name: fields[name] for name in wanted})["probability"][:, 0]

    return Exported(path, description["form"], path.stat().st_size, description, detect)
