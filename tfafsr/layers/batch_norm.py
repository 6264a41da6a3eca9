"""Batch normalization through TensorFlow's fused kernel."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfafsr")
class FusedBatchNormalization(keras.layers.Layer):
    """`keras.layers.BatchNormalization` over the last axis of (B, H, W, C), computed by one fused kernel.

    Keras 3's layer is unfused on TensorFlow; in training this one is a sixth faster over the whole network in float32, and more in
    bfloat16, in which it needs no casts: statistics and parameters stay float32.

    Args:
        momentum: of the moving averages. With Keras's 0.99 a short training would infer with statistics of long ago.
        epsilon: added to the variance.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape) -> None:
        """Makes scale and offset (trainable) and the moving averages, float32 (C,) each."""
        shape = (input_shape[-1],)
        weight = dict(shape=shape, dtype="float32", autocast=False)
        self.gamma = self.add_weight(name="gamma", initializer="ones", **weight)
        self.beta = self.add_weight(name="beta", initializer="zeros", **weight)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", trainable=False, **weight)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", trainable=False, **weight)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, H, W, C) -> the same shape and dtype; the batch's own statistics in training, the moving ones otherwise."""
        scale, offset = tf.convert_to_tensor(self.gamma.value), tf.convert_to_tensor(self.beta.value)
        if not training or not self.trainable:
            outputs, *_ = tf.compat.v1.nn.fused_batch_norm(
                inputs,
                scale,
                offset,
                mean=tf.convert_to_tensor(self.moving_mean.value),
                variance=tf.convert_to_tensor(self.moving_variance.value),
                epsilon=self.epsilon,
                is_training=False,
            )
            return outputs
        outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
            inputs, scale, offset, epsilon=self.epsilon, is_training=True
        )
        # The kernel gives the unbiased variance; Keras averages the biased one.
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:-1]), tf.float32)
        variance *= (count - 1.0) / count
        for average, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
            average.assign(average * self.momentum + value * (1.0 - self.momentum))
        return outputs

    def compute_output_spec(self, inputs, training: bool = False) -> keras.KerasTensor:
        """The same shape, in the layer's compute dtype."""
        return keras.KerasTensor(inputs.shape, dtype=self.compute_dtype)

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}
