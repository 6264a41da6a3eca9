"""Batch normalization through TensorFlow's fused kernel."""

from __future__ import annotations

import keras
import tensorflow as tf

from tfafsr import replicas


@keras.saving.register_keras_serializable(package="tfafsr")
class FusedBatchNormalization(keras.layers.Layer):
    """`keras.layers.BatchNormalization` over the last axis of (B, H, W, C), computed by one fused kernel.

    Keras 3's layer does not use that kernel on TensorFlow; this one makes a train step of the whole network a sixth
    faster in float32, and more in bfloat16, where it needs no casts: statistics and parameters stay float32. The values
    equal Keras's: the moving variance is biased, so the kernel's unbiased one (Bessel's correction) is scaled back.

    Args:
        momentum: momentum of the moving averages. Keras's 0.99 averages over too many steps for a short training.
        epsilon: added to the variance.
    """

    def __init__(self, momentum: float = 0.9, epsilon: float = 1e-5, **kwargs) -> None:
        super().__init__(**kwargs)
        self.momentum = momentum
        self.epsilon = epsilon

    def build(self, input_shape) -> None:
        """Makes scale and offset (trainable) and the moving averages, float32 (C,) each."""
        weight = {"shape": (input_shape[-1],), "dtype": "float32", "autocast": False}
        moving = {**weight, "trainable": False, "aggregation": "mean"}  # mean: over the replicas of tf.distribute
        self.gamma = self.add_weight(name="gamma", initializer="ones", **weight)
        self.beta = self.add_weight(name="beta", initializer="zeros", **weight)
        self.moving_mean = self.add_weight(name="moving_mean", initializer="zeros", **moving)
        self.moving_variance = self.add_weight(name="moving_variance", initializer="ones", **moving)

    def call(self, inputs: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, H, W, C) -> the same shape and dtype; the batch's own statistics in training, else the moving ones."""
        parameters = {
            "scale": tf.convert_to_tensor(self.gamma.value),
            "offset": tf.convert_to_tensor(self.beta.value),
            "epsilon": self.epsilon,
        }
        if not training or not self.trainable:
            outputs, _, _ = tf.compat.v1.nn.fused_batch_norm(
                inputs,
                mean=tf.convert_to_tensor(self.moving_mean.value),
                variance=tf.convert_to_tensor(self.moving_variance.value),
                is_training=False,
                **parameters,
            )
            return outputs
        if replicas.count() > 1:
            mean, variance = _global_moments(inputs)
            outputs = tf.nn.batch_normalization(
                tf.cast(inputs, tf.float32), mean, variance, parameters["offset"], parameters["scale"], self.epsilon
            )
            outputs = tf.cast(outputs, inputs.dtype)
        else:
            outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(inputs, is_training=True, **parameters)
            count = tf.cast(tf.size(inputs) // tf.shape(inputs)[-1], tf.float32)
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


def _global_moments(inputs: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Mean and biased variance over all but the last axis of all replicas' inputs, float32 (C,) each.

    One sum over the replicas gives both. The variance loses digits where a mean is hundreds of times the spread, which
    the outputs of convolutions are not.
    """
    inputs = tf.cast(inputs, tf.float32)
    mean, variance = tf.nn.moments(inputs, axes=(0, 1, 2))
    sums = replicas.total(tf.stack([mean, variance + tf.square(mean)])) / replicas.count()  # of equal batches
    return sums[0], tf.maximum(sums[1] - tf.square(sums[0]), 0.0)
