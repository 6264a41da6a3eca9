"""Every baseline is trained, evaluated, exported and compared as the detector is."""

import dataclasses

import numpy as np
import pytest

from experiments import evaluation, runs, training
from experiments.config import METHODS, DetectorOptions, TrainConfig
from experiments.exported_faces import faces_of_split, representative_faces
from records.errors import DataError
from savedmodel_export import export_saved_model, export_tflite, open_exported
from savedmodel_export.verify import compare
from tfafsr import SCORES
from tfafsr.baselines import NAMES
from tfafsr.calibration import Platt

SIDE = {"xception": 71}  # the smallest side of the network
LARGE = ("efficientnet_b4", "xception")  # hundreds of layers: tracing them takes most of the time


def quiet(line):
    pass


def options(records, method):
    return TrainConfig(
        (str(records),),
        ("c40",),
        "tiny",
        DetectorOptions(size=64),
        epochs=1,
        steps=2,
        batch_size=8,
        method=method,
        input_size=SIDE.get(method, 64),
    )


def test_training_offers_every_baseline():
    assert ("tfafsr", *NAMES) == METHODS


@pytest.mark.slow
@pytest.mark.parametrize("method", NAMES)
def test_trained_evaluated_exported_and_verified(made_records, tmp_path, method):
    run = tmp_path / "run"
    training.train(options(made_records, method), run, quiet)
    measured = evaluation.evaluate(run, made_records, "c40", "test", tmp_path / "metrics.json")
    assert measured["frame"]["n"] == 27
    assert "restoration" not in measured

    detector = runs.load_detector(run)
    detector.calibration = Platt()  # two steps of training may leave a scale of 100, which would enlarge all rounding
    paths = [export_tflite(detector, tmp_path / "d.tflite")]
    if method not in LARGE:
        faces = representative_faces(made_records, "c40", "train", 64, 4)
        paths.append(export_tflite(detector, tmp_path / "int8.tflite", "int8", faces))
        paths.append(export_saved_model(detector, tmp_path / "served"))
    deployed = detector.deployed()
    for batch in faces_of_split(detector, made_records, "test", "c40"):
        expected = {name: value[:, 0] for name, value in deployed.predict_on_batch({"frame": batch.frame}).items()}
        for path in paths:
            model = open_exported(path)
            assert model.explain is None
            assert model.description["method"] == type(detector).__name__
            found = model.detect(batch.frame, batch.keypoints)
            assert set(found) == set(SCORES)
            assert compare(model.form, expected, found, batch.labels, batch.groups)["agrees"]


def test_resumed_run_ends_where_an_undisturbed_one_ends(made_records, tmp_path):
    """Dropout's random state is a part of the model's state."""
    whole = dataclasses.replace(options(made_records, "meso4"), epochs=2)
    training.train(whole, tmp_path / "whole", quiet)
    training.train(dataclasses.replace(whole, epochs=1), tmp_path / "parts", quiet)
    training.train(whole, tmp_path / "parts", quiet)
    one, other = (runs.load_detector(tmp_path / name).get_weights() for name in ("whole", "parts"))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_learning_rate_is_the_methods_own_unless_given(made_records, tmp_path):
    config = options(made_records, "bayar")
    assert training.with_own_rate(config).schedule.learning_rate == 1e-3
    assert training.with_own_rate(dataclasses.replace(config, learning_rate=5e-5)).schedule.learning_rate == 5e-5


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "meso4", "detector": DetectorOptions(width=8)}, "--method meso4 does not have the option --width"),
        ({"method": "meso4", "weights": "photos-1"}, "--method meso4 does not have the option --weights"),
        ({"input_size": 64}, "--method tfafsr does not have the option --input-size"),
        ({"method": "meso5"}, "method must be one of tfafsr, bayar, .*; received 'meso5'"),
    ],
)
def test_options_of_another_method_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        TrainConfig(("records",), ("c40",), **changes)


def test_model_of_another_method_is_refused(made_records, tmp_path):
    config = options(made_records, "meso4")
    training.train(config, tmp_path / "run", quiet)
    runs.save_config(tmp_path / "run", dataclasses.replace(config, method="bayar"), ["0" * 64], ["FaceSwap"])
    with pytest.raises(DataError, match=r"another run \(a Meso4, in config.json bayar\)"):
        runs.load_detector(tmp_path / "run")
