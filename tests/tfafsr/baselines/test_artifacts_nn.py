"""Artifacts-NN: its fakes, and that it trains on real faces alone."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.baselines import baseline
from tfafsr.baselines.artifacts_nn import face_warp


@pytest.fixture(scope="module")
def real():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
    points = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.4, 0.7], [0.6, 0.7]], np.float32)
    fields = {
        "frame": frame,
        "target": frame,
        "mask": np.zeros((96, 96, 1), np.uint8),
        "keypoints": points,
        "label": np.int64(0),
    }
    return {name: tf.constant(value) for name, value in fields.items()}


def made(real, seed):
    fake = face_warp(real, tf.constant([seed, 7], tf.int64))
    return {name: value.numpy() for name, value in fake.items()}


def test_has_the_number_of_parameters_of_resnet_101():
    """With the 1,000 classes of ImageNet: 44,707,176."""
    net = baseline("artifacts_nn")(size=64, input_size=64).get_layer("resnet101")
    assert net.count_params() + 2048 * 1000 + 1000 == 44_707_176


def test_same_seed_gives_the_same_fake(real):
    one, again, other = made(real, 1), made(real, 1), made(real, 2)
    assert np.array_equal(one["frame"], again["frame"])
    assert not np.array_equal(one["frame"], other["frame"])


@pytest.mark.parametrize("seed", range(5))
def test_face_is_blurred_inside_the_mask_alone(real, seed):
    """Noise loses most of its variance where it was shrunk; far from the face nothing changes."""
    fake, before = made(real, seed), real["frame"].numpy()
    inside = fake["mask"][..., 0] > 0
    assert fake["label"] == 1
    assert 0.02 < inside.mean() < 0.9
    assert fake["frame"][inside].std() < 0.95 * before[inside].std()
    assert np.array_equal(fake["frame"][:4, :4], before[:4, :4])


def test_baseline_brings_its_fakes(real):
    keras.utils.set_random_seed(0)
    model = baseline("artifacts_nn")
    assert np.array_equal(model.NEGATIVES(real, tf.constant([1, 7], tf.int64))["frame"], made(real, 1)["frame"])


def test_colours_are_those_that_imagenets_weights_expect():
    model = baseline("artifacts_nn")(size=64, input_size=64)
    (network,) = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    seen = keras.Model(model.input, model.get_layer("colours").output)
    frame = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    expected = keras.applications.resnet.preprocess_input(frame.astype(np.float32))
    np.testing.assert_allclose(seen({"frame": frame}), expected, atol=1e-3)
    assert network.input_shape[1:] == (64, 64, 3)
