"""Reading a run folder: every value is checked, and errors name the value and say what to do."""

import json
import shutil

import keras
import numpy as np
import pytest

from experiments import runs, training
from experiments.config import DetectorOptions, TrainConfig
from records.errors import DataError
from records.shards import Manifest
from tfafsr import Detector

CONFIG = TrainConfig(
    ("a", "b"), ("c23", "raw"), "small", DetectorOptions(pooling="gap", width=8), seed=3, learning_rate=1.0
)


def test_options_and_content_survive_the_disk(tmp_path):
    runs.save_config(tmp_path, CONFIG, ["12", "34"], ["FaceSwap"])
    assert runs.load_config(tmp_path) == CONFIG
    assert runs.records_content(tmp_path) == ("12", "34")
    assert runs.trained_on(tmp_path) == "c23"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"records": 3}, "records must be a list"),
        ({"records": ["a", 3]}, r"records\[1\] must be a string"),
        ({"unknown": 1}, "it has an unknown field 'unknown'"),
        ({"seed": {"nested": [1]}}, r"seed must be a whole number; it is \{'nested': \[1\]\}"),
        ({"seed": True}, "seed must be a whole number"),
        ({"epochs": "3"}, "epochs must be a whole number"),
        ({"learning_rate": "fast"}, "learning_rate must be a finite number"),
        ({"preset": "huge"}, "preset must be one of paper, small, tiny; it is 'huge'"),
        ({"dtype": None}, "dtype must be one of"),
        ({"detector": {"width": 10**9}}, "width must be at most 256"),
        ({"detector": {"pooling": {"class_name": "Lambda"}}}, "detector.pooling must be one of fp, gap, gmp"),
        ({"detector": [1]}, "detector must be an object"),
        ({"detector": {"temperature": 2}}, "detector has an unknown field 'temperature'"),
        ({runs.CONTENT: None}, "records_content must be a list"),
        ({runs.METHODS: "FaceSwap"}, "trained_methods must be a list"),
        ({"leave_out": "FaceSwap"}, "leave_out must be a list"),
    ],
)
def test_a_foreign_value_in_the_configuration_is_named(tmp_path, change, message):
    runs.save_config(tmp_path, CONFIG, ["12", "34"], ["FaceSwap"])
    path = tmp_path / runs.CONFIG_FILE
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DataError, match=rf"config\.json is damaged \({message}.*train again into a new folder"):
        runs.load_config(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "3", "[" * 100_000, '"\udc80"'])
def test_a_configuration_that_is_no_object_is_named(tmp_path, text):
    (tmp_path / runs.CONFIG_FILE).write_text(text, errors="surrogateescape")
    with pytest.raises(DataError, match=r"config\.json is damaged"):
        runs.load_config(tmp_path)


def test_a_run_of_an_earlier_version_left_no_method_out(tmp_path):
    runs.save_config(tmp_path, CONFIG, ["12", "34"], ["FaceSwap"])
    assert runs.untrained(tmp_path, ["Face2Face", "FaceSwap"]) == ["Face2Face"]
    path = tmp_path / runs.CONFIG_FILE
    values = json.loads(path.read_text())
    del values[runs.METHODS], values["leave_out"]
    path.write_text(json.dumps(values))
    assert runs.load_config(tmp_path) == CONFIG
    assert runs.untrained(tmp_path, ["Face2Face", "FaceSwap"]) == []


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(DataError, match=r"is no run folder \(it has no config\.json\)"):
        runs.load_config(tmp_path)


def test_a_file_does_not_say_what_it_was_trained_on(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"")
    with pytest.raises(DataError, match="give --compression"):
        runs.trained_on(tmp_path / "model.keras")


def test_the_detector_of_a_run_and_of_its_file_are_the_same(trained_run):
    one, other = runs.load_detector(trained_run), runs.load_detector(trained_run / runs.MODEL_FILE)
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_an_unfinished_run_is_named(tmp_path):
    with pytest.raises(DataError, match="finish `tfafsr train"):
        runs.load_detector(tmp_path)


def with_another_size(path):
    Detector(size=64, width=8, blocks=1).save(path)


def with_another_model(path):
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)


def with_nan_weights(path):
    model = keras.models.load_model(path)
    model.get_layer("logit").bias.assign([np.nan])
    model.save(path)


def cut(path):
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, r"model\.keras is damaged"),
        (with_another_model, "a model of another kind"),
        (with_another_size, r"the model of another run \(width: 8, in config\.json 4\)"),
        (with_nan_weights, "NaN or infinite"),
    ],
)
def test_a_model_that_is_not_the_runs_is_refused(trained_run, tmp_path, damage, message):
    for name in (runs.CONFIG_FILE, runs.MODEL_FILE):
        shutil.copy(trained_run / name, tmp_path)
    damage(tmp_path / runs.MODEL_FILE)
    with pytest.raises(DataError, match=message):
        runs.load_detector(tmp_path)


def test_the_run_keeps_the_people_that_it_saw(trained_run, made_records):
    people = runs.people_in([Manifest.load(made_records)])
    assert people["val"] == {("made", "004"), ("made", "005")}
    assert runs.load_people(trained_run) == {split: people[split] for split in ("train", "val")}


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"train": [["a", "b"]], "val": []}', '{"train": [["a"]], "val": 3}'])
def test_damaged_people_are_named_and_training_again_writes_them(tmp_path, text):
    (tmp_path / runs.PEOPLE_FILE).write_text(text)
    with pytest.raises(DataError, match=r"people\.json is damaged.*same `tfafsr train` command again"):
        runs.load_people(tmp_path)


def test_a_run_without_people_is_refused(tmp_path):
    with pytest.raises(DataError, match="does not say on which people it was trained"):
        runs.load_people(tmp_path)


@pytest.mark.parametrize("text", ["", "[]", "[{}, 3]", '[{"loss": "low"}]', '[{"loss": 1.0}, {"auc": 1.0}]'])
def test_a_damaged_history_is_named(tmp_path, text):
    (tmp_path / runs.HISTORY_FILE).write_text(text)
    with pytest.raises(DataError, match=r"history\.json cannot be read"):
        runs.load_history(tmp_path)


def test_the_history_has_an_entry_an_epoch(trained_run, train_config):
    history = runs.load_history(trained_run)
    assert len(history) == train_config.epochs
    assert training.SELECTION in history[0]
