"""Training: it learns, it resumes to the same result after a kill, and it refuses what it cannot train on."""

import dataclasses
import json
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

from experiments import data, state, training
from experiments.config import TrainConfig
from records.errors import DataError
from tfafsr import calibration

DETECTOR = {"size": 64, "width": 4}
EPOCHS = 3


@pytest.fixture
def config(made_records):
    return TrainConfig((str(made_records),), "c40", "tiny", DETECTOR, epochs=EPOCHS, batch_size=8, learning_rate=3e-3)


def command(config, run):
    line = [
        sys.executable,
        "-m",
        "tfafsr",
        "train",
        "--records",
        config.records[0],
        "--compression",
        "c40",
        "--out",
        str(run),
    ]
    line += ["--preset", "tiny", "--size", "64", "--width", "4", "--epochs", str(EPOCHS), "--batch-size", "8"]
    return [*line, "--learning-rate", "0.003"]


def weights(run):
    return keras.models.load_model(run / training.MODEL_FILE).get_weights()


@pytest.fixture(scope="module")
def undisturbed(made_records, tmp_path_factory):
    config = TrainConfig((str(made_records),), "c40", "tiny", DETECTOR, epochs=EPOCHS, batch_size=8, learning_rate=3e-3)
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    subprocess.run(command(config, run), check=True, capture_output=True)
    return run


@pytest.mark.slow
def test_it_learns_a_planted_pattern(undisturbed):
    history = json.loads((undisturbed / training.HISTORY_FILE).read_text())
    assert len(history) == EPOCHS
    assert history[-1]["auc"] > 0.95
    assert history[-1]["loss"] < history[0]["loss"]
    names = {"reconstruction_loss", "artifact_loss", "cross_entropy", "triplet_loss"}
    assert names <= history[0].keys()
    assert {f"val_{name}" for name in names} <= history[0].keys()
    assert {f"gradient_norm/{name}" for name in names} <= history[0].keys()
    assert list((undisturbed / training.LOG_FOLDER / "train").iterdir())


@pytest.mark.slow
def test_the_temperature_is_fitted_on_the_validation_split(config, undisturbed):
    model = keras.models.load_model(undisturbed / training.MODEL_FILE)
    logits, labels = [], []
    for x, y in data.validation(config, model):
        logits.append(model(x, training=False)["logit"].numpy()[:, 0])
        labels.append(y["label"].numpy())
    expected = calibration.fit_temperature(np.concatenate(labels), np.concatenate(logits))
    assert float(model.temperature) == pytest.approx(expected, rel=1e-5)
    assert expected != pytest.approx(1.0)
    best = keras.models.load_model(state.newest(undisturbed) / state.BEST)
    for ours, theirs in zip(model.trainable_weights, best.trainable_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_killed_and_started_again_it_ends_where_an_undisturbed_run_ends(config, undisturbed, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(command(config, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while state.newest(run) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = state.load(state.newest(run)).epoch
    assert 1 <= done < EPOCHS, "killed too late to show anything"
    assert not (run / training.MODEL_FILE).exists()
    again = subprocess.run(command(config, run), check=True, capture_output=True, text=True)
    assert f"Resuming {run}: {done} of {EPOCHS} epochs are done." in again.stdout
    for ours, theirs in zip(weights(run), weights(undisturbed), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (run / training.HISTORY_FILE).read_bytes() == (undisturbed / training.HISTORY_FILE).read_bytes()


@pytest.mark.slow
def test_a_finished_run_is_left_as_it_is(config, undisturbed, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(undisturbed, run)
    config = TrainConfig.load(run)
    lines = []
    result = training.train(config, run, say=lines.append)
    assert not any("epoch 1/" in line for line in lines)
    assert result["val_auc"] == max(logs["val_auc"] for logs in json.loads((run / training.HISTORY_FILE).read_text()))


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run_and_says_what_to_do(config, tmp_path):
    with pytest.raises(training.TrainingDiverged, match=r"epoch 1, step \d+.*lower --learning-rate"):
        training.train(dataclasses.replace(config, learning_rate=1e30), tmp_path / "run", say=lambda line: None)
    assert state.newest(tmp_path / "run") is None


def test_another_configuration_in_the_same_folder_is_refused(config, tmp_path):
    config.save(tmp_path)
    with pytest.raises(DataError, match="another seed; give another --out"):
        training.train(dataclasses.replace(config, seed=7), tmp_path)


def test_a_folder_with_something_else_in_it_is_refused(config, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="is not empty and holds no run"):
        training.train(config, tmp_path)


def test_records_of_another_size_than_the_preset_are_refused(config, tmp_path):
    with pytest.raises(DataError, match="holds faces of 64 pixels, the model takes 96"):
        training.train(dataclasses.replace(config, detector={"width": 4}), tmp_path / "run", say=lambda line: None)


def test_a_compression_that_is_not_there_is_named(config, tmp_path):
    with pytest.raises(DataError, match="hold no raw faces of the split 'train'"):
        training.train(dataclasses.replace(config, compression="raw"), tmp_path / "run")


def test_people_in_two_splits_are_refused(config, made_records, tmp_path):
    shared = tmp_path / "records"
    shutil.copytree(made_records, shared)
    text = (shared / "manifest.json").read_text().replace('"004"', '"000"')
    (shared / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="'000' among them"):
        training.train(dataclasses.replace(config, records=(str(shared),)), tmp_path / "run")


def test_one_video_in_two_records_is_refused(config, made_records, tmp_path):
    again = shutil.copytree(made_records, tmp_path / "again")
    with pytest.raises(DataError, match=r"again both hold made/\S+/c40/000.*another --dataset"):
        training.train(dataclasses.replace(config, records=(str(made_records), str(again))), tmp_path / "run")


@pytest.mark.slow
def test_two_data_sets_are_trained_on_together(config, write_records, made_records, tmp_path):
    other = write_records(tmp_path / "other", dataset="other")
    text = (other / "manifest.json").read_text().replace('"000"', '"990"').replace('"004"', '"000"')
    (other / "manifest.json").write_text(text)  # one name in two data sets is two people
    both = dataclasses.replace(config, records=(str(made_records), str(other)), epochs=1)
    training.train(both, tmp_path / "run", say=lambda line: None)
    assert (tmp_path / "run" / "model.keras").is_file()


@pytest.mark.slow
def test_a_damaged_shard_is_named(config, made_records, tmp_path):
    damaged = tmp_path / "records"
    shutil.copytree(made_records, damaged)
    shard = next((damaged / "train" / "c40").glob("real-*"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    with pytest.raises(DataError, match=rf"{shard.name} is damaged"):
        training.train(dataclasses.replace(config, records=(str(damaged),)), tmp_path / "run", say=lambda line: None)
