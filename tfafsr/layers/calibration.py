"""Temperature scaling as a layer: from logit to calibrated probability."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfafsr")
class TemperatureScaling(keras.layers.Layer):
    """sigmoid(logit / T). T is a weight: 1 in training, set by calibration. Always float32.

    Args:
        detector: arguments of the Detector that contains this layer. `keras.models.clone_model` copies layers only, and
            needs these arguments to make a Detector of the copied layers.
    """

    def __init__(self, detector: dict | None = None, **kwargs) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.detector = dict(detector or {})

    def build(self, input_shape) -> None:
        """Makes T, a scalar."""
        self.temperature = self.add_weight(name="temperature", shape=(), initializer="ones", trainable=False)

    def call(self, logit: tf.Tensor) -> tf.Tensor:
        """(B, 1) -> probability, float32 (B, 1)."""
        return tf.sigmoid(logit / self.temperature)

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "detector": dict(self.detector)}

    def compute_output_shape(self, input_shape) -> tuple:
        """The same shape."""
        return input_shape
