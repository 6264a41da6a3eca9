"""A layer that no gradient passes."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfafsr")
class StopGradient(keras.layers.Layer):
    """The identity, whose gradient is 0: what comes after it does not train what comes before it."""

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Any tensor -> the same."""
        return tf.stop_gradient(inputs)

    def compute_output_spec(self, inputs) -> keras.KerasTensor:
        """The same shape and dtype."""
        return keras.KerasTensor(inputs.shape, dtype=inputs.dtype)
