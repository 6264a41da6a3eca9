"""From logit to probability, through a temperature that is part of the model."""

from __future__ import annotations

import keras
import tensorflow as tf


@keras.saving.register_keras_serializable(package="tfafsr")
class TemperatureScaling(keras.layers.Layer):
    """sigmoid(logit / T), T a weight that training leaves at 1 and that calibration may set. Always float32.

    Args:
        detector: arguments of the Detector that the layer is part of. `keras.models.clone_model` copies layers and
            nothing else, and the copy must know them to be a Detector.
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
