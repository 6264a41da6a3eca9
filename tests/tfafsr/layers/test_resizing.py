"""Resizing is that of TensorFlow, and leaves `training` to the caller."""

import keras
import numpy as np
import tensorflow as tf

from tfafsr.layers import Bilinear


def test_resizes_as_tensorflow():
    images = np.random.default_rng(0).uniform(0, 255, (2, 10, 10, 3)).astype(np.float32)
    assert np.allclose(Bilinear(25)(images), tf.image.resize(images, (25, 25)), atol=1e-3)


def test_layers_behind_it_infer_unless_they_train():
    given = keras.Input((8, 8, 3))
    dropped = keras.layers.Dropout(0.5)(Bilinear(16)(given))
    model = keras.Model(given, dropped)
    images = np.ones((1, 8, 8, 3), np.float32)
    assert np.array_equal(model(images), np.ones((1, 16, 16, 3)))
    assert not np.array_equal(model(images, training=True), np.ones((1, 16, 16, 3)))
