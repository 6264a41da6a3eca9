"""Baselines are trained, evaluated, exported and compared as the detector is."""

import dataclasses
import shutil

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from experiments import beginnings, data, evaluation, frame_scores, report, runs, training
from experiments.config import METHODS, DetectorOptions, LeaveOneOutConfig, TrainConfig
from experiments.exported_faces import faces_of_split, representative_faces
from experiments.leave_one_out import leave_one_out
from records import shards
from records.errors import DataError
from savedmodel_export import export_saved_model, export_tflite, open_exported
from savedmodel_export.verify import compare
from tfafsr import SCORES, load_detector
from tfafsr.baselines import NAMES, baseline, rnn_cnn
from tfafsr.baselines.artifacts_nn import face_warp
from tfafsr.calibration import Platt

SIDE = {"f3net": 71, "xception": 71, "bayar": 64, "meso4": 64}  # of the others 32
LARGE = (
    "artifacts_nn",
    "efficientnet_b4",
    "f3net",
    "rnn_cnn",
    "xception",
)  # hundreds of layers: tracing them takes most of the time


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
        input_size=SIDE.get(method, 32),
    )


def warmed_up(folder):
    """The signatures of the requests that a server runs before clients' ones."""
    for record in tf.data.TFRecordDataset(str(folder / "assets.extra" / "tf_serving_warmup_requests")):
        log = prediction_log_pb2.PredictionLog.FromString(record.numpy())
        yield log.predict_log.request.model_spec.signature_name


def test_training_offers_every_baseline():
    assert ("tfafsr", *NAMES) == METHODS


@pytest.fixture(scope="module")
def meso4_run(made_records, tmp_path_factory):
    """A finished run of one epoch; tests that change it copy it first."""
    run = tmp_path_factory.mktemp("meso4") / "run"
    training.train(options(made_records, "meso4"), run, quiet)
    return run


def check_exports(detector, records, folder):
    """Writes the detector in three forms, each of which must answer like it."""
    detector.calibration = Platt()  # two steps of training may leave a scale of 100, which would enlarge all rounding
    paths = [export_saved_model(detector, folder / "served"), export_tflite(detector, folder / "d.tflite")]
    faces = representative_faces(records, "c40", "train", 64, 4)
    paths.append(export_tflite(detector, folder / "int8.tflite", "int8", faces))
    served = open_exported(paths[0]).path
    assert {*warmed_up(served)} == {"serving_default", "faces_jpeg", "describe"}
    models, deployed = [open_exported(path) for path in paths], detector.deployed()
    for model in models:
        assert model.explain is None
        assert model.description["method"] == type(detector).__name__
    for batch in faces_of_split(detector, records, "test", "c40"):
        outputs = deployed({"frame": batch.frame}, training=False)
        expected = {name: outputs[name].numpy()[:, 0] for name in SCORES}
        for model in models:
            found = model.detect(batch.frame, batch.keypoints)
            assert set(found) == set(SCORES)
            assert compare(model.form, expected, found, batch.labels, batch.groups)["agrees"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["meso4", "multitask"])
def test_trained_evaluated_exported_and_compared(made_records, meso4_run, tmp_path, method):
    """A method with the usual output and loss, and the one that has its own."""
    run = meso4_run if method == "meso4" else tmp_path / "run"
    if method != "meso4":
        training.train(options(made_records, method), run, quiet)
    measured = evaluation.evaluate(run, made_records, "c40", "test", tmp_path / "metrics.json")
    assert measured["frame"]["n"] == 27
    assert "restoration" not in measured
    check_exports(runs.load_detector(run), made_records, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("method", sorted({*NAMES} - {*LARGE, "meso4", "multitask"}))
def test_trained_a_step_exported_and_compared(made_records, tmp_path, method):
    """Methods whose training differs from Meso4's in their layers alone; see above."""
    model = baseline(method)(size=64, input_size=SIDE.get(method, 32))
    batch = next(faces_of_split(model, made_records, "test", "c40"))
    model.compile(keras.optimizers.Adam(1e-3), run_eagerly=True)
    before, unknown = model.get_weights(), np.zeros(len(batch.labels), np.int64)
    y = {"label": batch.labels, "target": batch.frame, "target_known": unknown}
    y |= {"mask": np.zeros_like(batch.frame[..., :1]), "mask_known": unknown}
    assert np.isfinite(model.train_on_batch({"frame": batch.frame}, y, return_dict=True)["loss"])
    assert not all(np.array_equal(old, new) for old, new in zip(before, model.get_weights(), strict=True))
    model.save(tmp_path / "model.keras")
    check_exports(load_detector(tmp_path / "model.keras"), made_records, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("method", LARGE)
def test_scored_exported_and_compared(made_records, tmp_path, method):
    """Outside of a graph, which takes most of the time for so many layers."""
    model = baseline(method)(size=64, input_size=SIDE.get(method, 32))
    exported = open_exported(export_tflite(model, tmp_path / "d.tflite"))
    batch = next(faces_of_split(baseline("meso4")(size=64, input_size=32), made_records, "test", "c40"))
    expected = model.deployed()({"frame": batch.frame[:4]}, training=False)["probability"][:, 0]
    found = exported.detect(batch.frame[:4], batch.keypoints[:4])["probability"]
    assert np.allclose(found, expected, atol=1e-4)
    assert model.options["input_size"] == SIDE.get(method, 32)


@pytest.fixture(scope="module")
def burst_records(write_records, tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("bursts"), burst=5)


@pytest.fixture
def small_network(monkeypatch):
    """A small network of faces in the place of DenseNet, whose tracing takes minutes."""
    small = [keras.layers.AveragePooling2D(8), keras.layers.Flatten()]
    monkeypatch.setattr(rnn_cnn, "pooled_features", lambda build, image: keras.Sequential(small)(image))


@pytest.mark.slow
def test_bursts_are_scored_frame_by_frame_and_exports_take_single_faces(burst_records, small_network, tmp_path):
    model = baseline("rnn_cnn")(size=64, input_size=32)
    scored = frame_scores.score_frames(model, burst_records, "test", "c40", sides=(16,))
    assert len(set(scored.frames.ids)) == len(scored.frames.values) == 9 * 5
    for video in set(scored.frames.videos):
        for scores in (scored.frames, scored.at_side[16]):
            assert len(set(scores.values[scores.videos == video])) == 1
    assert not np.allclose(scored.frames.values, scored.at_side[16].values)
    exported = open_exported(export_tflite(model, tmp_path / "d.tflite"))
    deployed = model.deployed()
    for batch in faces_of_split(model, burst_records, "test", "c40"):
        expected = deployed({"frame": batch.frame}, training=False)["probability"][:, 0]
        assert np.allclose(exported.detect(batch.frame, batch.keypoints)["probability"], expected, atol=1e-4)
    report.draw_faces(model, burst_records, "test", "c40", tmp_path / "faces.png", per_method=1)
    assert cv2.imread(str(tmp_path / "faces.png")).shape[1] > 600


def test_bursts_are_trained_on(burst_records, made_records, small_network, tmp_path):
    config = dataclasses.replace(options(burst_records, "rnn_cnn"), augment="strong", degrade=0.5, batch_size=4)
    lines = []
    training.train(config, tmp_path / "run", lines.append)
    assert "2 steps of 4 bursts of 5 faces" in lines[0]
    measured = evaluation.evaluate(tmp_path / "run", burst_records, "c40", "test", tmp_path / "metrics.json")
    assert measured["frame"]["n"] == 45
    for wrong, message in (
        ({"records": (str(made_records),)}, "holds bursts of 1"),
        ({"self_blend": 0.5}, "leave --self"),
    ):
        with pytest.raises(DataError, match=message):
            training.train(dataclasses.replace(config, **wrong), tmp_path / "other", quiet)


def test_the_frames_of_a_burst_are_changed_alike(burst_records):
    model = baseline("rnn_cnn")(size=64, input_size=32)
    config = dataclasses.replace(options(burst_records, "rnn_cnn"), augment="flip", batch_size=4)
    stored = {
        frame.tobytes()
        for burst in shards.read(burst_records, "train", "c40", fields=("frame",), burst=5).as_numpy_iterator()
        for frame in burst["frame"]
    }
    flipped = [
        [frame.tobytes() not in stored for frame in burst]
        for x, _ in data.training_epoch(config, model, 0).as_numpy_iterator()
        for burst in x["frame"]
    ]
    assert {len(set(burst)) for burst in flipped} == {1}
    assert len({burst[0] for burst in flipped}) == 2


def test_fakes_are_made_of_the_real_faces_before_them(made_records):
    """Of a method that brings its fakes no other fake is read: each is the real face before it, far from the face."""
    model = baseline("meso4")(size=64)
    model.NEGATIVES = face_warp
    batches = data.training_epoch(dataclasses.replace(options(made_records, "meso4"), augment="none"), model, 0)
    for x, y in batches.as_numpy_iterator():
        assert y["label"].tolist() == [0, 1] * 4
        real, fake = x["frame"][::2], x["frame"][1::2]
        untouched = y["mask"][1::2] == 0
        assert not np.array_equal(real, fake)
        assert np.mean(np.abs(real.astype(int) - fake) * untouched) < 1


def test_resumed_run_ends_where_an_undisturbed_one_ends(made_records, meso4_run, tmp_path):
    """Dropout goes on with the numbers that an undisturbed run draws."""
    whole = dataclasses.replace(options(made_records, "meso4"), epochs=2)
    training.train(whole, tmp_path / "whole", quiet)
    shutil.copytree(meso4_run, tmp_path / "parts")  # one epoch
    training.train(whole, tmp_path / "parts", quiet)
    one, other = (runs.load_history(tmp_path / name) for name in ("whole", "parts"))
    assert one == other


def test_report_of_a_method_without_a_reconstruction(made_records, tmp_path):
    model = baseline("meso4")(size=64)
    report.draw_faces(model, made_records, "test", "c40", tmp_path / "faces.png", per_method=1)
    assert cv2.imread(str(tmp_path / "faces.png")).shape[1] > 600


def test_learning_rate_is_the_methods_own_unless_given(made_records, tmp_path):
    config = options(made_records, "bayar")
    assert beginnings.with_own_rate(config).schedule.learning_rate == 1e-3
    assert beginnings.with_own_rate(dataclasses.replace(config, learning_rate=5e-5)).schedule.learning_rate == 5e-5


def test_method_that_makes_its_fakes_has_seen_none_of_the_records(made_records, tmp_path, monkeypatch):
    monkeypatch.setattr(baseline("meso4"), "NEGATIVES", staticmethod(face_warp))
    config = options(made_records, "meso4")
    training.train(config, tmp_path / "run", quiet)
    assert runs.untrained(tmp_path / "run", ["FaceSwap"]) == ["FaceSwap"]
    for changes, name in (({"balanced": False}, "--unbalanced"), ({"self_blend": 0.5}, "--self-blend")):
        with pytest.raises(DataError, match=f"leave {name} out"):
            training.train(dataclasses.replace(config, **changes), tmp_path / "other", quiet)
    with pytest.raises(DataError, match="meso4 makes its fakes itself"):
        leave_one_out(LeaveOneOutConfig(config), tmp_path / "left-out", quiet)


@pytest.mark.parametrize(("method", "side"), [("xception", 64), ("multitask", 100)])
def test_sizes_that_a_network_cannot_take_are_refused(made_records, tmp_path, method, side):
    config = dataclasses.replace(options(made_records, method), input_size=side)
    with pytest.raises(DataError, match=rf"--method {method}: input_size must be .*; received {side}"):
        training.train(config, tmp_path / "run", quiet)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "meso4", "detector": DetectorOptions(width=8)}, "--method meso4 does not have the option --width"),
        ({"input_size": 64}, "--method tfafsr does not have the option --input-size"),
        ({"method": "meso5"}, "method must be one of tfafsr, artifacts_nn, .*; received 'meso5'"),
    ],
)
def test_options_of_another_method_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        TrainConfig(("records",), ("c40",), **changes)


def test_model_of_another_method_is_refused(made_records, meso4_run, tmp_path):
    config = options(made_records, "meso4")
    shutil.copytree(meso4_run, tmp_path / "run")
    runs.save_config(tmp_path / "run", dataclasses.replace(config, method="bayar"), ["0" * 64], ["FaceSwap"])
    with pytest.raises(DataError, match=r"another run \(a Meso4, in config.json bayar\)"):
        runs.load_detector(tmp_path / "run")
