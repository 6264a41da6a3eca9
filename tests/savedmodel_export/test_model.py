import json

import numpy as np
import pytest

from records.errors import DataError
from savedmodel_export import describe, export_edge, export_saved_model, export_tflite
from savedmodel_export.model import check_exportable
from tfafsr import Detector


def test_the_description_is_json_and_says_how_faces_are_read(detector):
    described = describe(detector)
    assert json.loads(json.dumps(described)) == described
    assert described["size"] == 64
    assert described["keypoints"][2] == "nose"
    assert described["calibration"] == {"scale": pytest.approx(0.6), "bias": pytest.approx(0.25)}
    assert described["heatmaps"] == {"stride": 8, "sigma": 0.75, "cells": 8}
    assert described["ela"] == {"of": "input", "quality": 90, "gain": 20.0}


@pytest.fixture(scope="module")
def diverged():
    """A detector with two weights that are NaN."""
    model = Detector(size=64, width=4, blocks=1, output="none", pooling="gap")
    kernel, bias = model.get_layer("logit").get_weights()
    kernel[:2, 0] = np.nan, np.inf
    model.get_layer("logit").set_weights([kernel, bias])
    return model


@pytest.mark.parametrize(
    "export", [export_saved_model, export_tflite, lambda detector, out: export_edge(detector, out, {})]
)
def test_a_detector_with_nan_weights_is_not_exported(diverged, tmp_path, export):
    with pytest.raises(DataError, match=r"2 of 32 values of the weight logit/kernel are NaN or infinite"):
        export(diverged, tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_a_detector_in_another_type_is_not_exported():
    with pytest.raises(DataError, match=r"computes in mixed_bfloat16; load it with `tfafsr.load_detector`"):
        check_exportable(Detector(size=64, width=4, blocks=1, output="none", pooling="gap", dtype="mixed_bfloat16"))
