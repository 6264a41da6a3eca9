"""Exported detectors are compared with the Keras model, and refused with a reason where they depart from it."""

import json

import keras
import numpy as np
import pytest

from records.errors import DataError
from savedmodel_export import LabelledFaces, verify_exported
from savedmodel_export.verify import AUC_FACES, CONTRADICTION, TOLERANCES, compare
from tfafsr import Detector
from tfafsr.calibration import Platt

PLATT = Platt(0.6, 0.25)  # of the fixture `detector`


@pytest.fixture(scope="module")
def models(exported, tflite_file):
    """An exported detector of every kind: a folder of versions, a file, and a folder that holds detector.tflite."""
    return {"savedmodel": exported.parent, "none": tflite_file("none"), "int8": tflite_file("int8").parent}


@pytest.fixture(scope="module")
def batches(faces):
    """12 faces of six people, in two batches."""
    labels, groups = np.arange(12) % 2, np.repeat([f"{person:03d}" for person in range(6)], 2)
    columns = (*faces, labels, groups)
    return [LabelledFaces(*(column[part] for column in columns)) for part in (slice(0, 8), slice(8, 12))]


@pytest.mark.slow  # four forms are run; latency is measured in tests/experiments/cli/test_export.py
def test_verify_says_what_was_found(models, detector, model_file, batches):
    result = verify_exported(detector, model_file, list(models.values()), batches, threads=())
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["keras"]["n"] == 12
    assert result["keras"]["bytes"] == model_file.stat().st_size
    assert [model["form"] for model in result["models"]] == list(models)
    assert result["models"][0]["agrees"]
    for model in result["models"]:  # of so few and untrained faces, the mean alone may be too large
        limits = TOLERANCES[model["form"]]
        assert model["agrees"] == all(
            model["difference"][name] <= getattr(limits, name) for name in ("mean", "mean_ratio")
        )
        assert model["contradiction"] < CONTRADICTION
    for row in (result["keras"], *result["models"]):
        low, high = row["auc_ci95"]
        assert 0 <= low <= row["auc"] <= high <= 1
    served = result["models"][0]
    assert served["difference"]["largest"] <= TOLERANCES["savedmodel"].largest
    assert served["auc_loss"] == pytest.approx(0)


def scores(probability):
    """Probabilities with the likelihood ratios that belong to them."""
    inner = np.clip(probability, 1e-9, 1 - 1e-9)
    return {"probability": probability, "log10_likelihood_ratio": np.log10(inner / (1 - inner))}


def test_differences_are_held_against_the_tolerance():
    # Four reals and four fakes; the Keras model orders all 16 pairs, the exported one swaps the middle pair.
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = np.array([0.1, 0.2, 0.3, 0.45, 0.55, 0.7, 0.8, 0.9])
    found = expected.copy()
    found[[3, 4]] = 0.55, 0.45
    result = compare("int8", scores(expected), scores(found), labels, np.arange(8))
    ratio = 4 * np.log10(0.55 / 0.45) / 8  # 0.45 and 0.55 are as far from even odds, and two of eight are swapped
    assert result["difference"] == {
        "largest": pytest.approx(0.1),
        "mean": pytest.approx(0.025),
        "mean_ratio": pytest.approx(ratio),
    }
    assert result["contradiction"] == pytest.approx(0)
    assert result["auc_loss"] == pytest.approx(100 / 16)
    assert (result["agrees"], result["reasons"]) == (True, [])  # of so few faces the AUC says nothing
    result = compare("savedmodel", scores(expected), scores(found), labels, np.arange(8))
    assert not result["agrees"]
    assert [reason.split(",")[0] for reason in result["reasons"]] == [
        "the largest difference of the probability is 0.1",
        "the mean difference of the probability is 0.025",
        "the mean difference of the log10 likelihood ratio is 0.044",
    ]


def test_a_ratio_that_contradicts_its_probability_does_not_agree():
    labels, expected = np.array([0, 1, 0, 1]), scores(np.array([0.1, 0.9, 0.2, 0.8]))
    found = {**expected, "log10_likelihood_ratio": expected["log10_likelihood_ratio"] + [0, 0, 0, 0.01]}
    (reason,) = compare("none", expected, found, labels, np.arange(4))["reasons"]
    assert reason.startswith("probability and likelihood ratio contradict each other by 0.0037, more than")
    assert compare("none", expected, expected, labels, np.arange(4))["agrees"]


def test_a_loss_of_auc_counts_where_there_are_faces_enough():
    labels = np.arange(2 * AUC_FACES) % 2
    expected = 0.4 + np.linspace(0, 1, 2 * AUC_FACES) * 0.01 + 0.02 * labels  # perfect, by a hair
    found = expected - 0.0201 * labels  # and level
    result = compare("int8", scores(expected), scores(found), labels, np.arange(2 * AUC_FACES))
    assert result["auc_loss"] > 40
    (reason,) = result["reasons"]
    assert "points of AUC are lost, more than 0.5" in reason
    assert compare("int8", scores(expected), scores(found + 0.0201 * labels), labels, np.arange(200))["agrees"]
    fewer = slice(0, 2 * AUC_FACES - 2)
    assert compare("int8", scores(expected[fewer]), scores(found[fewer]), labels[fewer], np.arange(198))["agrees"]


def test_answers_that_are_no_numbers_do_not_agree():
    labels, expected = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.2, 0.8])
    result = compare("none", scores(expected), scores(np.array([0.1, np.nan, 0.2, 0.8])), labels, np.arange(4))
    assert (result["agrees"], result["difference"], result["auc"]) == (False, None, None)
    assert result["reasons"] == ["1 of 4 probabilities are not finite", "1 of 4 likelihood ratios are not finite"]
    single = compare("none", scores(expected[:2]), scores(expected[:2]), np.zeros(2, np.int64), np.arange(2))
    assert (single["agrees"], single["auc"], single["auc_loss"]) == (True, None, None)


def test_a_detector_of_another_build_is_refused(models, model_file, batches):
    keras.utils.set_random_seed(1)
    other = Detector(size=64, width=4, blocks=1, output="plain")
    with pytest.raises(DataError, match=r"was not exported from .*: its calibration is .*'scale': 0\.6"):
        verify_exported(other, model_file, [models["none"]], batches)
    other.calibration = PLATT
    with pytest.raises(DataError, match=r"its options is .*residual"):
        verify_exported(other, model_file, [models["none"]], batches)


def test_no_faces_are_no_proof(models, detector, model_file):
    with pytest.raises(DataError, match="no faces to compare on"):
        verify_exported(detector, model_file, [models["none"]], [])
