"""Training that also learns a teacher's answers."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from experiments import data, distillation, runs, training
from experiments.config import DetectorOptions, TrainConfig
from records.errors import DataError
from tfafsr import TEACHER
from tfafsr.baselines import baseline


def quiet(line):
    pass


@pytest.fixture(scope="module")
def config(made_records):
    options = DetectorOptions(size=64)
    return TrainConfig(
        *((str(made_records),), ("c40",), "tiny", options),
        epochs=1,
        steps=2,
        batch_size=8,
        method="meso4",
        input_size=64,
    )


@pytest.fixture(scope="module")
def teacher_run(config, tmp_path_factory):
    run = tmp_path_factory.mktemp("teacher") / "run"
    training.train(dataclasses.replace(config, seed=1, leave_out=("FaceSwap",)), run, quiet)
    return run


def test_the_teacher_answers_for_the_target(config, trained_run):
    """AFSR and TFE as the teacher: it reads key points, too."""
    student = baseline("meso4")(size=64, input_size=64)
    network = distillation.teacher(dataclasses.replace(config, distil=str(trained_run)), student)
    batches = data.training_epoch(config, student, 0, extra=("keypoints",))
    plain = next(iter(batches))
    x, y = next(iter(distillation.with_answers(batches, network)))
    expected = network({"frame": plain[1]["target"], "keypoints": plain[1]["keypoints"]})["probability"][:, 0]
    np.testing.assert_allclose(y[TEACHER], expected, atol=1e-5)
    assert "keypoints" not in y
    assert np.array_equal(x["frame"], plain[0]["frame"])


def test_the_term_is_the_cross_entropy_with_the_teacher_where_the_target_is_known():
    student = baseline("meso4")(size=64, input_size=64)
    student.learn_from_a_teacher(2.0)
    student.compile()
    logit = tf.constant([[0.5], [-1.0], [3.0]])
    outputs = {"logit": logit, "probability": tf.sigmoid(logit)}
    y = {"label": tf.constant([1, 0, 1]), TEACHER: tf.constant([0.9, 0.2, 0.1]), "target_known": tf.constant([1, 1, 0])}
    without = float(student.compute_loss({}, {name: y[name] for name in ("label", "target_known")}, outputs))
    probability, wanted = 1 / (1 + np.exp(-logit[:2, 0])), np.array([0.9, 0.2])
    term = -np.mean(wanted * np.log(probability) + (1 - wanted) * np.log(1 - probability))
    assert float(student.compute_loss({}, y, outputs)) == pytest.approx(without + 2 * term, rel=1e-5)


def test_a_run_learns_from_its_teacher_and_remembers_whom_and_what_it_knew(config, teacher_run, tmp_path):
    taught = dataclasses.replace(config, distil=str(teacher_run), leave_out=("Deepfakes",))
    training.train(taught, tmp_path / "run", quiet)
    logs = runs.load_history(tmp_path / "run")[0]
    assert logs["distillation_loss"] > 0
    assert "val_distillation_loss" not in logs
    assert runs.methods_of(tmp_path / "run") == ["Deepfakes", "FaceSwap"]
    training.train(dataclasses.replace(taught, epochs=2), tmp_path / "parts", quiet)
    training.train(dataclasses.replace(taught, epochs=2), tmp_path / "run", quiet)
    one, other = (runs.load_detector(tmp_path / name).get_weights() for name in ("run", "parts"))
    assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_a_teacher_that_does_not_fit_is_named(config, teacher_run, tmp_path):
    smaller = dataclasses.replace(config, distil=str(teacher_run))
    with pytest.raises(DataError, match=r"--distil: .* reads faces of 64 pixels, this run 32; give --size"):
        distillation.teacher(smaller, baseline("meso4")(size=32, input_size=64))
    with pytest.raises(DataError, match="--distil does not fit a method that reads neighbouring frames"):
        distillation.teacher(smaller, baseline("rnn_cnn")(size=64, input_size=32))
    with pytest.raises(DataError, match=r"no run folder|does not say"):
        training.train(dataclasses.replace(config, distil=str(tmp_path)), tmp_path / "run", quiet)
