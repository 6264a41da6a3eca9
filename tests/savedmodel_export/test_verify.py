"""Exported detectors are opened whatever their form, compared with the Keras model, and refused with a reason."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from records.errors import DataError
from savedmodel_export.exported import open_exported
from savedmodel_export.latency import keras_detect
from savedmodel_export.saved_model import export_saved_model
from savedmodel_export.tflite import export_tflite
from savedmodel_export.verify import AUC_FACES, TOLERANCES, Faces, compare, verify
from tfafsr import Detector


@pytest.fixture(scope="module")
def models(detector, faces, tmp_path_factory):
    """An exported detector of every kind."""
    folder = tmp_path_factory.mktemp("models")
    bundle = folder / "bundle"
    bundle.mkdir()
    representative = [{"frame": faces[0], "keypoints": faces[1]}]
    return {
        "savedmodel": export_saved_model(detector, folder / "tfafsr").parent,
        "none": export_tflite(detector, folder / "none.tflite"),
        "int8": export_tflite(detector, bundle / "detector.tflite", "int8", representative).parent,
    }


@pytest.fixture(scope="module")
def batches(faces):
    """12 faces of six people, in two batches."""
    labels, groups = np.arange(12) % 2, np.repeat([f"{person:03d}" for person in range(6)], 2)
    columns = (*faces, labels, groups)
    return [Faces(*(column[part] for column in columns)) for part in (slice(0, 8), slice(8, 12))]


@pytest.mark.slow
def test_every_kind_is_opened_and_answers_like_the_keras_model(models, detector, faces):
    expected = keras_detect(detector)(*faces)
    np.testing.assert_array_equal(
        expected,
        detector.deployed().predict({"frame": faces[0], "keypoints": faces[1]}, verbose=0)["probability"][:, 0],
    )
    for form, path in models.items():
        opened = open_exported(path)
        assert opened.form == form
        assert opened.description["size"] == 64
        assert opened.size > 10_000
        found = opened.detect(*faces)
        assert found.shape == (12,)
        # Untrained and of width 4, the network suffers more from 8 bits than a trained one.
        np.testing.assert_allclose(found, expected, atol=1e-4 if form != "int8" else 0.2)
    version = open_exported(models["savedmodel"] / "1")
    assert version.path == open_exported(models["savedmodel"]).path
    assert open_exported(models["int8"] / "detector.tflite").path == open_exported(models["int8"]).path


@pytest.mark.slow
def test_verify_says_what_was_found(models, detector, run, batches):
    result = verify(detector, run, list(models.values()), batches, threads=(1,))
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["keras"]["n"] == 12
    assert result["keras"]["bytes"] == (run / "model.keras").stat().st_size
    assert [model["form"] for model in result["models"]] == list(models)
    assert [model["agrees"] for model in result["models"][:2]] == [True] * 2
    assert result["models"][2]["agrees"] == (result["models"][2]["difference"]["mean"] <= TOLERANCES["int8"].mean)
    for row in (result["keras"], *result["models"]):
        low, high = row["auc_ci95"]
        assert 0 <= low <= row["auc"] <= high <= 1
        assert 0.1 < row["latency_ms"]["1"] < 10_000
    served = result["models"][0]
    assert served["difference"]["largest"] <= TOLERANCES["savedmodel"].largest
    assert served["auc_loss"] == pytest.approx(0)


def test_differences_are_held_against_the_tolerance():
    # Four reals and four fakes; the Keras model orders all 16 pairs, the exported one swaps the middle pair.
    labels = np.array([0, 0, 0, 0, 1, 1, 1, 1])
    expected = np.array([0.1, 0.2, 0.3, 0.45, 0.55, 0.7, 0.8, 0.9])
    found = expected.copy()
    found[[3, 4]] = 0.55, 0.45
    result = compare("int8", expected, found, labels, np.arange(8))
    assert result["difference"] == {"largest": pytest.approx(0.1), "mean": pytest.approx(0.025)}
    assert result["auc_loss"] == pytest.approx(100 / 16)
    assert (result["agrees"], result["reasons"]) == (True, [])  # of so few faces the AUC says nothing
    result = compare("savedmodel", expected, found, labels, np.arange(8))
    assert not result["agrees"]
    assert [reason.split(",")[0] for reason in result["reasons"]] == [
        "the largest difference of the probability is 0.1",
        "the mean difference of the probability is 0.025",
    ]


def test_a_loss_of_auc_counts_where_there_are_faces_enough():
    labels = np.arange(2 * AUC_FACES) % 2
    expected = np.linspace(0, 1, 2 * AUC_FACES) * 0.01 + 0.02 * labels  # perfect, by a hair
    found = expected - 0.0201 * labels  # and level
    result = compare("int8", expected, found, labels, np.arange(2 * AUC_FACES))
    assert result["auc_loss"] > 40
    (reason,) = result["reasons"]
    assert "points of AUC are lost, more than 0.5" in reason
    assert compare("int8", expected, found + 0.0201 * labels, labels, labels * 0 + np.arange(200))["agrees"]
    fewer = slice(0, 2 * AUC_FACES - 2)
    assert compare("int8", expected[fewer], found[fewer], labels[fewer], np.arange(198))["agrees"]


def test_answers_that_are_no_numbers_do_not_agree():
    labels, expected = np.array([0, 1, 0, 1]), np.array([0.1, 0.9, 0.2, 0.8])
    result = compare("none", expected, np.array([0.1, np.nan, 0.2, 0.8]), labels, np.arange(4))
    assert (result["agrees"], result["difference"], result["auc"]) == (False, None, None)
    assert result["reasons"] == ["1 of 4 probabilities are not finite"]
    single = compare("none", expected[:2], expected[:2], np.zeros(2, np.int64), np.arange(2))
    assert (single["agrees"], single["auc"], single["auc_loss"]) == (True, None, None)


def test_what_is_no_exported_detector_is_refused(models, tmp_path):
    with pytest.raises(DataError, match="nothing does not exist"):
        open_exported(tmp_path / "nothing")
    with pytest.raises(DataError, match=r"neither saved_model\.pb nor a numbered version"):
        open_exported(tmp_path)
    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(DataError, match="not of this project"):
        open_exported(tmp_path / "other")
    picture = tmp_path / "picture.png"
    picture.write_bytes(b"\x89PNG")
    with pytest.raises(DataError, match=r"picture\.png is no detector"):
        open_exported(picture)
    cut = tmp_path / "cut" / "detector.tflite"
    shutil.copytree(models["int8"], cut.parent)
    cut.write_bytes(cut.read_bytes()[:5000])
    with pytest.raises(DataError, match="cut off"):
        open_exported(cut.parent)


def test_a_detector_of_another_build_is_refused(models, run, batches):
    keras.utils.set_random_seed(1)
    other = Detector(size=64, width=4, output="plain")
    with pytest.raises(DataError, match=r"was not exported from .*: its temperature is 1\.7"):
        verify(other, run, [models["none"]], batches)
    other.temperature.assign(1.7)
    with pytest.raises(DataError, match=r"its options is .*residual"):
        verify(other, run, [models["none"]], batches)


def test_no_faces_are_no_proof(models, detector, run):
    with pytest.raises(DataError, match="no faces to compare on"):
        verify(detector, run, [models["none"]], [])
