"""The fused kernel gives what keras.layers.BatchNormalization gives."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.layers import FusedBatchNormalization

NAMES = ("gamma", "beta", "moving_mean", "moving_variance")


@pytest.fixture
def pair():
    """Ours and Keras's, with the same random parameters and statistics."""
    rng = np.random.default_rng(0)
    layers = (FusedBatchNormalization(), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5))
    values = {name: rng.uniform(0.5, 1.5, 4).astype(np.float32) for name in NAMES}
    for layer in layers:
        layer.build((None, 5, 6, 4))
        for name in NAMES:
            getattr(layer, name).assign(values[name])
    return layers


def batch(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(2, 3, (3, 5, 6, 4)).astype(np.float32)


def test_training_gives_the_same_outputs_gradients_and_moving_statistics(pair):
    ours, theirs = pair
    for seed in range(3):
        x = tf.constant(batch(seed))
        results = []
        for layer in (ours, theirs):
            with tf.GradientTape() as tape:
                tape.watch(x)
                outputs = layer(x, training=True)
                loss = tf.reduce_sum(tf.sin(outputs))
            results.append([outputs, *tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])])
        for ours_value, their_value in zip(*results, strict=True):
            np.testing.assert_allclose(ours_value, their_value, atol=1e-4)
    # Bessel's correction is taken out again: 90 values a channel would make it 1.1% too large.
    for name in NAMES:
        np.testing.assert_allclose(getattr(ours, name), getattr(theirs, name), rtol=1e-5)


def test_inference_gives_the_same_outputs_and_changes_nothing(pair):
    ours, theirs = pair
    before = ours.get_weights()
    np.testing.assert_allclose(ours(batch(0)), theirs(batch(0), training=False), atol=1e-4)
    for old, new in zip(before, ours.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_frozen_layer_infers_even_in_training(pair):
    ours, _ = pair
    expected = ours(batch(0)).numpy()
    ours.trainable = False
    np.testing.assert_array_equal(ours(batch(0), training=True), expected)


def test_bfloat16_stays_bfloat16_with_float32_statistics():
    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    outputs = layer(tf.cast(batch(0), tf.bfloat16), training=True)
    assert outputs.dtype == tf.bfloat16
    assert {str(variable.dtype) for variable in layer.variables} == {"float32"}
    # A momentum of 0.9 leaves 0.9 * 0 + 0.1 * mean.
    np.testing.assert_allclose(layer.moving_mean, 0.1 * batch(0).mean((0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(
        tf.cast(outputs, tf.float32), FusedBatchNormalization()(batch(0), training=True), atol=0.03
    )


def test_saves_and_loads(tmp_path):
    model = keras.Sequential([keras.Input((5, 6, 4)), FusedBatchNormalization(momentum=0.8, epsilon=1e-3)])
    model(batch(0), training=True)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(loaded(batch(1)), model(batch(1)))
    assert (loaded.layers[0].momentum, loaded.layers[0].epsilon) == (0.8, 1e-3)
