"""The description of a detector that every exported form contains, and the check of its weights before an export."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np

from faces import CROP_SCALE, ELA_GAIN, KEYPOINTS
from records.errors import DataError
from tfafsr import Classifier, __version__

LABELS = ("real", "manipulated")


def describe(detector: Classifier) -> dict[str, object]:
    """What a program that runs an exported detector must know, as JSON values.

    Returns:
        {"model", "method" (its class), "version", "size" (S, pixels), "channels" ("RGB"), "keypoints" (their order; x,
        y in [0, 1] of the crop, left is the viewer's), "labels" (index = value of the label), "crop_scale" (side of the
        square crop over the longer side of MTCNN's box), "calibration": {"scale", "bias"} (a and b of probability =
        sigmoid(a * logit + b)), "ela": {"of", "quality", "gain"} or None, "heatmaps": {"stride", "sigma", "cells"} or
        None without fusion pooling, "explains" (whether it gives a reconstruction), "options" (arguments of the
        method)}
    """
    options = detector.options
    heatmaps = ela = None
    if options.get("error_image", "none") != "none":
        ela = {"of": options["ela_of"], "quality": options["ela_quality"], "gain": ELA_GAIN}
    if options.get("pooling") == "fp":
        layer = detector.get_layer("tfe_heatmaps")
        heatmaps = {"stride": layer.stride, "sigma": layer.sigma, "cells": layer.cells}
    return {
        "model": "tfafsr",
        "method": type(detector).__name__,
        "version": __version__,
        "size": options["size"],
        "channels": "RGB",
        "keypoints": list(KEYPOINTS),
        "labels": list(LABELS),
        "crop_scale": CROP_SCALE,
        "calibration": dataclasses.asdict(detector.calibration),
        "ela": ela,
        "heatmaps": heatmaps,
        "explains": "reconstruction" in detector.output,
        "options": options,
    }


def check_exportable(detector: Classifier) -> None:
    """Raises `DataError` for a detector that is not in float32, or that has a weight which is NaN or infinite."""
    if detector.options["dtype"] != "float32":
        raise DataError(
            f"The detector computes in {detector.options['dtype']}; load it with `tfafsr.load_detector`, which gives "
            "it in float32, the one type that is exported."
        )
    for variable in detector.weights:
        values = keras.ops.convert_to_numpy(variable)
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            count = int((~np.isfinite(values)).sum())
            raise DataError(
                f"{count} of {values.size} values of the weight {variable.path} are NaN or infinite: this detector is "
                "not exported. Its training diverged; train it again with a lower learning rate."
            )
