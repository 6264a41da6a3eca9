"""The trained detector that is exported, and the one description of it that every exported form carries."""

from __future__ import annotations

from pathlib import Path

import keras

from faces.crop import SCALE
from records.errors import DataError
from tfafsr import Detector, __version__
from tfafsr.layers import ErrorLevelAnalysis

MODEL_FILE = "model.keras"
KEYPOINTS = ("left eye", "right eye", "nose", "mouth left", "mouth right")
LABELS = ("real", "manipulated")


def load(run: Path) -> Detector:
    """The detector of a run, its layers in float32 whatever it was trained with: deployed forms compute in float32.

    Args:
        run: a run folder of `tfafsr train`, or a `.keras` file itself.

    Raises:
        DataError: there is no finished model, or it is no Detector.
    """
    path = run / MODEL_FILE if run.is_dir() else run
    if not path.is_file():
        raise DataError(f"{path} does not exist; give --run the folder of a finished `tfafsr train`.")
    try:
        model = keras.models.load_model(path, compile=False)
    except Exception as error:
        raise DataError(f"{path} cannot be loaded as a Keras model ({type(error).__name__}: {error}).") from error
    if not isinstance(model, Detector):
        raise DataError(f"{path} holds a {type(model).__name__} and no Detector; give the run of `tfafsr train`.")
    if model.options["dtype"] == "float32":
        return model
    exact = Detector(**{**model.options, "dtype": "float32"})
    exact.set_weights(model.get_weights())
    return exact


def describe(detector: Detector) -> dict[str, object]:
    """What whoever runs an exported detector must know, as JSON-able values.

    Returns:
        {"model", "version", "size" (S, pixels), "channels" ("RGB"), "keypoints" (their order; x, y in [0, 1] of the
        crop, left is the viewer's), "labels" (index = value of the label), "crop_scale" (side of the square crop over
        the longer side of MTCNN's box), "temperature", "ela": {"of", "quality", "gain"},
        "heatmaps": {"stride", "sigma", "cells"} or None without fusion pooling, "options" (Detector's arguments)}
    """
    options = detector.options
    heatmaps = None
    if options["pooling"] == "fp":
        layer = detector.get_layer("tfe_heatmaps")
        heatmaps = {"stride": layer.stride, "sigma": layer.sigma, "cells": layer.cells}
    return {
        "model": "tfafsr",
        "version": __version__,
        "size": options["size"],
        "channels": "RGB",
        "keypoints": list(KEYPOINTS),
        "labels": list(LABELS),
        "crop_scale": SCALE,
        "temperature": float(detector.temperature),
        "ela": {"of": options["ela_of"], "quality": options["ela_quality"], "gain": ErrorLevelAnalysis().gain},
        "heatmaps": heatmaps,
        "options": options,
    }
