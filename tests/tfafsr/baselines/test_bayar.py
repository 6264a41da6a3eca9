"""Bayar and Stamm's constraint."""

import keras
import numpy as np
import pytest

from tfafsr.baselines import baseline
from tfafsr.baselines.bayar import ConstrainedUniform, PredictionError


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(1)
    made = baseline("bayar")(size=64, input_size=64)
    made.compile(keras.optimizers.Adam(1e-2))
    return made


def obeys(kernel):
    others = kernel.copy()
    others[2, 2] = 0
    return np.allclose(kernel[2, 2], -1) and np.allclose(others.sum((0, 1)), 1, atol=1e-5)


def test_kernel_obeys_before_and_after_training(model):
    rng = np.random.default_rng(0)
    x = {"frame": rng.integers(0, 256, (8, 64, 64, 3), dtype=np.uint8)}
    y = {
        "label": np.arange(8) % 2,
        "target": x["frame"],
        "mask": np.zeros((8, 64, 64, 1), np.uint8),
        "target_known": np.ones(8),
        "mask_known": np.ones(8),
    }
    (before,) = model.get_layer("constrained").get_weights()
    model.fit(x, y, epochs=2, verbose=0)
    (after,) = model.get_layer("constrained").get_weights()
    assert obeys(before)
    assert obeys(after)
    assert not np.allclose(before, after)


@pytest.mark.parametrize("seed", range(20))
def test_first_weights_are_an_average_of_the_neighbours(seed):
    kernel = np.asarray(ConstrainedUniform(seed)((5, 5, 3, 3)))
    assert obeys(kernel)
    assert np.abs(kernel).max() == 1


def test_plain_picture_has_no_prediction_error(model):
    plain = np.full((1, 16, 16, 3), 0.7, np.float32)
    assert np.abs(model.get_layer("constrained")(plain)).max() < 1e-5


def test_neighbours_are_alike_where_their_sum_is_zero():
    kernel = np.zeros((5, 5, 1, 1), np.float32)
    kernel[0, 0], kernel[0, 1], kernel[2, 2] = 3, -3, 8
    found = keras.ops.convert_to_numpy(PredictionError()(keras.ops.convert_to_tensor(kernel)))
    assert obeys(found)
    assert np.allclose(found[0], 1 / 24)
