"""FusedBatchNormalization against Keras's own layer."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.layers import FusedBatchNormalization


@pytest.fixture
def images():
    return np.random.default_rng(0).normal(3.0, 2.0, (4, 7, 5, 6)).astype(np.float32)


def both():
    return FusedBatchNormalization(), keras.layers.BatchNormalization(momentum=0.9, epsilon=1e-5)


def test_training_inference_and_moving_averages_are_keras_own(images):
    ours, theirs = both()
    for step in range(3):
        np.testing.assert_allclose(ours(images + step, training=True), theirs(images + step, training=True), atol=1e-4)
    for average in ("moving_mean", "moving_variance"):
        np.testing.assert_allclose(getattr(ours, average), getattr(theirs, average), rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(ours(images), theirs(images), atol=1e-4)


def test_gradients_are_keras_own(images):
    gradients = []
    for layer in both():
        x = tf.constant(images)
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.sin(layer(x, training=True)))
        gradients.append(tape.gradient(loss, [x, layer.gamma.value, layer.beta.value]))
    for ours, theirs in zip(*gradients, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_bfloat16_in_and_out_with_float32_statistics(images):
    layer = FusedBatchNormalization(dtype="mixed_bfloat16")
    output = layer(tf.cast(images, tf.bfloat16), training=True)
    assert output.dtype == tf.bfloat16
    assert all(weight.dtype == "float32" for weight in layer.weights)
    np.testing.assert_allclose(tf.cast(output, tf.float32), FusedBatchNormalization()(images, training=True), atol=0.05)


def test_frozen_it_uses_and_keeps_its_moving_averages(images):
    layer = FusedBatchNormalization()
    layer(images, training=True)
    layer.trainable = False
    before = layer.moving_mean.numpy()
    np.testing.assert_array_equal(layer(images, training=True), layer(images, training=False))
    np.testing.assert_array_equal(layer.moving_mean, before)
