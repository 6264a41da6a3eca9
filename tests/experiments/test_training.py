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

from experiments import data, preparing, runs, state, training
from experiments.config import DetectorOptions
from experiments.machines_config import MachinesConfig
from records.atomic import locked
from records.errors import DataError
from records.shards import Manifest
from tfafsr import Detector, calibration

# MesoNet trains in a third of the time: for what is the same for all methods.
SMALLEST = {"detector": DetectorOptions(size=64), "method": "meso4", "input_size": 64}


def command(config, run):
    """The command line that trains `config` in `run`."""
    detector, schedule = config.detector, config.schedule
    line = f"-m tfafsr train --compression c40 --preset tiny --size {detector.size} --width {detector.width} --blocks 1"
    line += f" --epochs {schedule.epochs} --batch-size {schedule.batch_size} --learning-rate {schedule.learning_rate}"
    return [sys.executable, *line.split(), "--records", *config.records, "--out", str(run)]


def quietly(config, run):
    """Trains; returns the lines that it says."""
    lines = []
    training.train(config, run, say=lines.append)
    return lines


def weights(run):
    return keras.models.load_model(run / runs.MODEL_FILE).get_weights()


@pytest.mark.slow
def test_it_learns_a_planted_pattern(train_config, trained_run):
    history = json.loads((trained_run / runs.HISTORY_FILE).read_text())
    assert len(history) == train_config.epochs
    assert history[-1]["auc"] > 0.95
    assert history[-1]["loss"] < history[0]["loss"]
    names = {"reconstruction_loss", "artifact_loss", "cross_entropy", "triplet_loss"}
    assert names <= history[0].keys()
    assert {f"val_{name}" for name in names} <= history[0].keys()
    assert {f"gradient_norm/{name}" for name in names} <= history[0].keys()
    assert list((trained_run / runs.LOG_FOLDER / "train").iterdir())


@pytest.mark.slow
def test_scale_and_bias_are_fitted_on_the_validation_split(train_config, trained_run):
    model = keras.models.load_model(trained_run / runs.MODEL_FILE)
    logits, labels = [], []
    for x, y in data.validation(train_config, model):
        logits.append(model(x, training=False)["logit"].numpy()[:, 0])
        labels.append(y["label"].numpy())
    expected = calibration.fit_platt(np.concatenate(labels), np.concatenate(logits))
    assert dataclasses.astuple(model.calibration) == pytest.approx(dataclasses.astuple(expected), rel=1e-4)
    assert expected.scale != pytest.approx(1.0)
    assert expected.bias != pytest.approx(0.0)
    best = keras.models.load_model(state.newest(trained_run) / state.BEST)
    for ours, theirs in zip(model.trainable_weights, best.trainable_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow  # more than 20 s: two trainings, one in a process of its own, which is killed
def test_killed_and_started_again_it_ends_where_an_undisturbed_run_ends(train_config, trained_run, tmp_path):
    run = tmp_path / "run"
    process = subprocess.Popen(command(train_config, run), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 240
    while state.newest(run) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = state.load(state.newest(run)).epoch
    assert 1 <= done < train_config.epochs, "killed too late to show anything"
    assert not (run / runs.MODEL_FILE).exists()
    lines = quietly(train_config, run)
    assert lines[0] == f"Resuming {run}: {done} of {train_config.epochs} epochs are done."
    for ours, theirs in zip(weights(run), weights(trained_run), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert (run / runs.HISTORY_FILE).read_bytes() == (trained_run / runs.HISTORY_FILE).read_bytes()


@pytest.mark.slow
def test_a_finished_run_stays_as_it_is_also_when_its_records_have_moved(train_config, own_run, made_records, tmp_path):
    moved = shutil.copytree(made_records, tmp_path / "moved")
    (own_run / runs.PEOPLE_FILE).unlink()
    before = weights(own_run)
    lines = quietly(dataclasses.replace(train_config, records=(str(moved),)), own_run)
    assert not any("epoch 1/" in line for line in lines)
    for ours, theirs in zip(weights(own_run), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert runs.load_config(own_run).records == (str(moved),)
    assert runs.load_people(own_run)["val"] == {("made", "004"), ("made", "005")}


def test_records_of_other_content_are_refused_and_both_are_named(train_config, own_run, write_records, tmp_path):
    other = write_records(tmp_path / "other", dataset="other")
    mine, theirs = Manifest.load(other).content_hash, runs.records_content(own_run)[0]
    message = rf"other content: {other} \({mine[:12]}\) here, {train_config.records[0]} \({theirs[:12]}\) there"
    with pytest.raises(DataError, match=message):
        training.train(dataclasses.replace(train_config, records=(str(other),)), own_run)


def test_a_second_training_in_one_folder_is_refused_at_once(train_config, tmp_path):
    lines = []
    with locked(tmp_path, "training in"), pytest.raises(DataError, match="Another process is training in"):
        training.train(train_config, tmp_path, say=lines.append)
    assert not lines
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_loss_that_is_not_finite_stops_the_run_and_says_what_to_do(train_config, tmp_path):
    config = dataclasses.replace(train_config, learning_rate=1e30, **SMALLEST)
    with pytest.raises(training.TrainingDiverged, match=r"epoch 1.*lower --learning-rate"):
        quietly(config, tmp_path / "run")
    assert state.newest(tmp_path / "run") is None


@pytest.mark.slow
def test_a_full_disk_is_a_message_and_keeps_what_was_there(train_config, own_run, full_disk):
    before = {path.name: path.read_bytes() for path in own_run.iterdir() if path.is_file()}
    for size, name in ((50, "people.json"), (20_000, "model.keras")):
        with full_disk(size), pytest.raises(DataError, match=rf"{name} cannot be written.*Make room"):
            quietly(train_config, own_run)
        assert {path.name: path.read_bytes() for path in own_run.iterdir() if path.is_file()} == before


def test_a_full_disk_for_the_curves_is_a_message(tmp_path, full_disk):
    with full_disk(10), pytest.raises(DataError, match=r"tensorboard cannot be written"):
        training._to_tensorboard(tmp_path / runs.LOG_FOLDER, {"loss": 1.0, "val_loss": 1.0}, epoch=0)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


def of_another_size(path):
    model = Detector(size=64, width=8, blocks=1, output="none", pooling="gap")
    model.compile(optimizer="adam")
    model.optimizer.build(model.trainable_variables)
    model.save(path)


def uncompiled(path):
    Detector(size=64, width=4, blocks=1, output="none", pooling="gap").save(path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"best\.keras is damaged.*remove .*state-0003"),
        (of_another_size, r"the model of another run \(width: 8, in config\.json 4\)"),
        (uncompiled, r"holds no optimizer.*remove .*state-0003"),
    ],
)
def test_a_damaged_model_of_the_state_is_named(train_config, own_run, damage, message):
    damage(state.newest(own_run) / state.BEST)
    with pytest.raises(DataError, match=message):
        training._load_model(state.newest(own_run) / state.BEST, train_config)


def test_other_options_in_the_same_folder_are_refused_and_named(train_config, own_run):
    with pytest.raises(DataError, match=r"other options \(seed: 7, there 0\); give another --out"):
        training.train(dataclasses.replace(train_config, seed=7), own_run)


def test_a_folder_with_something_else_in_it_is_refused(train_config, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="is not empty and holds no run"):
        training.train(train_config, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_what_a_kill_left_of_the_first_files_is_no_other_run(train_config, tmp_path):
    (tmp_path / ".config.tmp-4711-abcd.json").write_text("{")
    (tmp_path / runs.PEOPLE_FILE).write_text("{}")
    preparing.prepare(train_config, tmp_path).save(train_config, tmp_path)
    assert runs.load_config(tmp_path) == train_config


def test_records_of_another_size_than_the_preset_are_refused(train_config, tmp_path):
    config = dataclasses.replace(
        train_config, detector=DetectorOptions(size=96, width=4, blocks=1, output="none", pooling="gap")
    )
    with pytest.raises(DataError, match="holds faces of 64 pixels, the model takes 96"):
        quietly(config, tmp_path / "run")


def test_a_compression_that_is_not_there_is_named(train_config, tmp_path):
    with pytest.raises(DataError, match="hold no raw faces of the split 'train'"):
        training.train(dataclasses.replace(train_config, compressions=("c40", "raw")), tmp_path / "run")


@pytest.mark.parametrize(
    ("methods", "message"),
    [
        (["FaceSwap", "Faceswap"], "--leave-out: .* hold no method 'Faceswap' .*; they hold Deepfakes, FaceSwap"),
        (["real"], "hold no method 'real'"),
        (["FaceSwap", "Deepfakes"], "--leave-out leaves no fakes in the split 'train'"),
    ],
)
def test_methods_that_cannot_be_left_out_are_named(train_config, tmp_path, methods, message):
    with pytest.raises(DataError, match=message):
        training.train(dataclasses.replace(train_config, leave_out=tuple(methods)), tmp_path / "run")


@pytest.mark.slow
def test_a_method_that_is_left_out_changes_the_run_and_is_remembered(train_config, trained_run, tmp_path):
    run = tmp_path / "run"
    config = dataclasses.replace(train_config, epochs=1, **SMALLEST)
    lines = quietly(dataclasses.replace(config, leave_out=("FaceSwap",)), run)
    assert lines[0] == "Left out: FaceSwap."
    assert "validation on 12 faces" in lines[1]
    assert runs.load_config(run).leave_out == ("FaceSwap",)
    assert runs.untrained(run, ["Deepfakes", "FaceSwap", "Other"]) == ["FaceSwap", "Other"]
    assert runs.untrained(trained_run, ["Deepfakes", "FaceSwap", "Other"]) == ["Other"]
    with pytest.raises(DataError, match=r"other options \(leave_out: the default, there \('FaceSwap',\)\)"):
        training.train(config, run)


@pytest.mark.parametrize(
    ("split", "person", "other"), [("val", "004", "000"), ("test", "007", "000"), ("test", "007", "004")]
)
def test_people_in_two_splits_are_refused(train_config, made_records, tmp_path, split, person, other):
    shared = shutil.copytree(made_records, tmp_path / "records")
    text = (shared / "manifest.json").read_text().replace(f'"{person}"', f'"{other}"')
    (shared / "manifest.json").write_text(text)
    with pytest.raises(DataError, match=f"1 people are in the splits .* and {split}, '{other}' among them"):
        training.train(dataclasses.replace(train_config, records=(str(shared),)), tmp_path / "run")


def test_one_video_in_two_records_is_refused(train_config, made_records, tmp_path):
    again = shutil.copytree(made_records, tmp_path / "again")
    config = dataclasses.replace(train_config, records=(str(made_records), str(again)))
    with pytest.raises(DataError, match=r"again both hold made/\S+/c40/000.*another --dataset"):
        training.train(config, tmp_path / "run")


@pytest.mark.slow
def test_two_data_sets_are_trained_on_together(train_config, write_records, made_records, tmp_path):
    other = write_records(tmp_path / "other", dataset="other")
    text = (other / "manifest.json").read_text().replace('"000"', '"990"').replace('"004"', '"000"')
    (other / "manifest.json").write_text(text)  # one name in two data sets is two people
    both = dataclasses.replace(
        train_config, records=(str(made_records), str(other)), epochs=1, batch_size=24, **SMALLEST
    )
    quietly(both, tmp_path / "run")
    assert (tmp_path / "run" / "model.keras").is_file()
    assert len(runs.records_content(tmp_path / "run")) == 2


@pytest.mark.slow
def test_a_damaged_shard_is_named(train_config, made_records, tmp_path):
    damaged = shutil.copytree(made_records, tmp_path / "records")
    shard = next((damaged / "train" / "c40").glob("real-*"))
    content = bytearray(shard.read_bytes())
    content[len(content) // 2] ^= 1
    shard.write_bytes(content)
    config = dataclasses.replace(train_config, records=(str(damaged),), **SMALLEST)
    with pytest.raises(DataError, match=rf"{shard.name} is damaged"):
        quietly(config, tmp_path / "run")


@pytest.mark.slow
def test_steps_compiled_by_xla_give_the_same_losses(train_config, tmp_path):
    """Of TFE with one stream, which has no dropout: under XLA it draws other numbers."""
    detector = DetectorOptions(size=64, width=4, blocks=1, output="none", error_image="none", pooling="gap")
    config, histories = dataclasses.replace(train_config, epochs=1, detector=detector), []
    for jit in (False, True):
        run = tmp_path / str(jit)
        training.train(config, run, say=lambda line: None, machines=MachinesConfig(jit=jit))
        histories.append(runs.load_history(run)[0])
    assert histories[0] == pytest.approx(histories[1], rel=0.01, abs=1e-3)
