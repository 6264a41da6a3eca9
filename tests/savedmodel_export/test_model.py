import json

import keras
import numpy as np
import pytest

from records.errors import DataError
from savedmodel_export.model import describe, load
from tfafsr import Detector


def test_a_run_folder_and_its_file_give_the_same_detector(run, detector, faces):
    x = {"frame": faces[0], "keypoints": faces[1]}
    expected = detector.deployed().predict(x, verbose=0)["probability"]
    assert np.ptp(expected) > 0.2
    for path in (run, run / "model.keras"):
        np.testing.assert_array_equal(load(path).deployed().predict(x, verbose=0)["probability"], expected)


def test_a_detector_trained_in_bfloat16_is_deployed_in_float32(tmp_path):
    trained = Detector(size=64, width=4, dtype="mixed_bfloat16")
    trained.save(tmp_path / "model.keras")
    exact = load(tmp_path)
    assert exact.options["dtype"] == "float32"
    assert {layer.compute_dtype for layer in exact.layers if layer.weights} == {"float32"}
    for one, other in zip(trained.get_weights(), exact.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_description_is_json_and_says_how_faces_are_read(detector):
    described = describe(detector)
    assert json.loads(json.dumps(described)) == described
    assert described["size"] == 64
    assert described["keypoints"][2] == "nose"
    assert described["temperature"] == pytest.approx(1.7)
    assert described["heatmaps"] == {"stride": 8, "sigma": 0.75, "cells": 8}
    assert described["ela"] == {"of": "input", "quality": 90, "gain": 20.0}


def test_what_is_no_detector_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"model\.keras does not exist"):
        load(tmp_path)
    (tmp_path / "model.keras").write_bytes(b"no model")
    with pytest.raises(DataError, match="cannot be loaded"):
        load(tmp_path)
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(tmp_path / "model.keras")
    with pytest.raises(DataError, match="no Detector"):
        load(tmp_path)
