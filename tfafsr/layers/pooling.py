"""Fusion pooling: combines the features around the key points with those of the whole face (Eq. 3 to 5)."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfafsr")
class FusionPooling(keras.layers.Layer):
    """Pools m_cnn with the maps m_kp of K key points.

        q1 = g(m_cnn)                                        g: the mean over (H, W)
        p_k = g(m_cnn * m_kp,k),  k = 1 .. K                 Eq. 3
        p_avg, p_max = mean, maximum over k of p_k           Eq. 4
        q = q1 + [f_avg(p_avg - q1), f_max(p_max - q1)]      Eq. 5; f: a bottleneck from C to C / 2 each

    Always float32.
    """

    def __init__(self, **kwargs) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)

    def build(self, input_shape) -> None:
        """Makes the two bottlenecks; `input_shape` is that of (features, heat maps)."""
        channels = input_shape[0][-1]
        if channels % 2:
            raise ValueError(f"FusionPooling needs an even number of channels; received {channels}.")
        self.average_bottleneck = keras.layers.Dense(channels // 2, dtype="float32", name="average_bottleneck")
        self.maximum_bottleneck = keras.layers.Dense(channels // 2, dtype="float32", name="maximum_bottleneck")
        for bottleneck in (self.average_bottleneck, self.maximum_bottleneck):
            bottleneck.build((None, channels))

    def call(self, inputs: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """(features (B, H, W, C), heat maps (B, H, W, K) that sum to H * W) -> q, float32 (B, C)."""
        features, heatmaps = (tf.cast(tensor, tf.float32) for tensor in inputs)
        whole = tf.reduce_mean(features, axis=(1, 2))  # q1: (B, C)
        cells = features.shape[1] * features.shape[2]
        points = tf.einsum("bhwc,bhwk->bkc", features, heatmaps) / cells  # (B, K, C)
        average = self.average_bottleneck(tf.reduce_mean(points, axis=1) - whole)  # (B, C / 2)
        maximum = self.maximum_bottleneck(tf.reduce_max(points, axis=1) - whole)  # (B, C / 2)
        return whole + tf.concat([average, maximum], axis=-1)

    def compute_output_shape(self, input_shape) -> tuple:
        """(B, C)."""
        return (input_shape[0][0], input_shape[0][-1])
