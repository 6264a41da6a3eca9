"""The state of a run is written completely or not at all, and keeps the best model."""

import json
import math

import keras
import numpy as np
import pytest

from experiments import state
from records.errors import DataError


def model_with(weight: float) -> keras.Model:
    inputs = keras.Input((1,))
    dense = keras.layers.Dense(1, use_bias=False, kernel_initializer=keras.initializers.Constant(weight))
    model = keras.Model(inputs, dense(inputs))
    model.compile(optimizer="adam", loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def weight_in(path) -> float:
    return float(np.squeeze(keras.models.load_model(path).get_weights()[0]))


def test_the_best_model_stays_when_later_epochs_are_worse(tmp_path):
    progress = state.State()
    for weight, value in ((1.0, 0.6), (2.0, 0.9), (3.0, 0.7)):
        best = progress.finished_epoch({"val_auc": value}, value)
        state.save(tmp_path, progress, model_with(weight), best)
    newest = state.newest(tmp_path)
    assert newest.name == "state-0003"
    assert [path.name for path in tmp_path.iterdir()] == ["state-0003"]
    assert weight_in(newest / state.MODEL) == 3.0
    assert weight_in(newest / state.BEST) == 2.0
    loaded = state.load(newest)
    assert (loaded.epoch, loaded.best_epoch, loaded.best_value) == (3, 1, 0.9)
    assert [logs["val_auc"] for logs in loaded.history] == [0.6, 0.9, 0.7]


def test_an_equal_value_does_not_replace_the_best():
    progress = state.State()
    assert progress.finished_epoch({}, 0.5)
    assert not progress.finished_epoch({}, 0.5)


def test_a_half_written_state_is_not_seen_and_is_removed(tmp_path):
    """What a killed run left is a folder under a temporary name."""
    half = tmp_path / ".state-0001.tmp-4711-abcd"
    half.mkdir()
    (half / state.MODEL).write_bytes(b"half")
    assert state.newest(tmp_path) is None
    progress = state.State()
    state.save(tmp_path, progress, model_with(1.0), progress.finished_epoch({}, 0.5))
    assert weight_in(state.newest(tmp_path) / state.MODEL) == 1.0
    assert [path.name for path in tmp_path.iterdir()] == ["state-0001"]


@pytest.mark.parametrize("size", [50, 5_000])
def test_a_full_disk_keeps_the_state_before(tmp_path, full_disk, size):
    progress = state.State()
    state.save(tmp_path, progress, model_with(1.0), progress.finished_epoch({"val_auc": 0.5}, 0.5))
    best = progress.finished_epoch({"val_auc": 0.6}, 0.6)
    with full_disk(size), pytest.raises(DataError, match=r"state-0002 cannot be written.*Make room"):
        state.save(tmp_path, progress, model_with(2.0), best)
    assert [path.name for path in tmp_path.iterdir()] == ["state-0001"]
    assert weight_in(state.newest(tmp_path) / state.MODEL) == 1.0


def test_a_new_state_has_no_best():
    assert state.State().best_value == -math.inf


GOOD = {"epoch": 2, "best_epoch": 1, "best_value": 0.9, "history": [{"loss": 2.0}, {"loss": 1.0}]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged"),
        ("[1]", "it must be an object"),
        ({"unknown": 1}, "an unknown field 'unknown'"),
        ({"epoch": "2"}, "epoch must be a whole number"),
        ({"epoch": 3}, "3 epochs are done and 2 are in the history"),
        ({"epoch": -1}, "-1 epochs are done"),
        ({"best_epoch": 2}, "the best epoch is 2 of 2"),
        ({"best_value": None}, "best_value must be a finite number"),
        ({"best_value": float("nan")}, "best_value must be a finite number"),
        ({"history": [{"loss": "low"}, {}]}, "must be a finite number"),
        ({"history": [{"loss": 1.0}, {}]}, "different values"),
    ],
)
def test_a_damaged_state_is_named(tmp_path, text, message):
    for name in (state.MODEL, state.BEST):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / state.PROGRESS).write_text(text if isinstance(text, str) else json.dumps({**GOOD, **text}))
    with pytest.raises(DataError, match=rf"{message}.*remove that folder and train again"):
        state.load(tmp_path)


@pytest.mark.parametrize("missing", [state.MODEL, state.BEST, state.PROGRESS])
def test_a_missing_file_is_named(tmp_path, missing):
    for name in (state.MODEL, state.BEST):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / state.PROGRESS).write_text(json.dumps(GOOD))
    assert state.load(tmp_path).best_value == 0.9
    (tmp_path / missing).unlink()
    with pytest.raises(DataError, match=rf"is damaged.*{missing}"):
        state.load(tmp_path)
