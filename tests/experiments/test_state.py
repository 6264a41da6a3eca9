"""The state folder: whole or not there, the best model carried along."""

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


def test_a_half_written_state_is_not_seen_and_is_replaced(tmp_path):
    (tmp_path / ".state.tmp").mkdir()
    (tmp_path / ".state.tmp" / state.MODEL).write_bytes(b"half")
    assert state.newest(tmp_path) is None
    progress = state.State()
    state.save(tmp_path, progress, model_with(1.0), progress.finished_epoch({}, 0.5))
    assert weight_in(state.newest(tmp_path) / state.MODEL) == 1.0


def test_a_new_state_has_no_best():
    assert state.State().best_value == -math.inf


@pytest.mark.parametrize("text", ["", "[1]", '{"unknown": 1}'])
def test_a_damaged_state_is_named(tmp_path, text):
    (tmp_path / state.PROGRESS).write_text(text)
    with pytest.raises(DataError, match="is damaged"):
        state.load(tmp_path)
