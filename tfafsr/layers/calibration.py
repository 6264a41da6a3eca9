"""Platt scaling as a layer: from logit to calibrated probability and likelihood ratio."""

from __future__ import annotations

import math

import keras
import tensorflow as tf

EARLIER = (
    "was saved by an earlier version, which calibrated by a temperature and not by scale and bias. Use the version "
    "that saved it, or train again."
)


@keras.saving.register_keras_serializable(package="tfafsr")
class PlattScaling(keras.layers.Layer):
    """Probability and likelihood ratio of a logit, calibrated at even odds. Always float32.

        probability = sigmoid(a * logit + b)
        log10_likelihood_ratio = log10(P(face | manipulated) / P(face | real)) = (a * logit + b) / ln 10

    a and b are weights that are not trained: 1 and 0 until calibration sets them, see `tfafsr.calibration.fit_platt`.
    At even odds Bayes' rule makes the odds of the probability the likelihood ratio.

    Args:
        detector: arguments of the Detector that contains this layer. `keras.models.clone_model` copies layers only, and
            needs these arguments to make a Detector of the copied layers.
    """

    def __init__(self, detector: dict | None = None, **kwargs) -> None:
        kwargs["dtype"] = "float32"
        super().__init__(**kwargs)
        self.detector = dict(detector or {})

    def build(self, input_shape) -> None:
        """Makes a, `scale`, and b, `bias`, both scalars."""
        self.scale = self.add_weight(name="scale", shape=(), initializer="ones", trainable=False)
        self.bias = self.add_weight(name="bias", shape=(), initializer="zeros", trainable=False)

    def load_own_variables(self, store) -> None:
        """Reads a and b; raises `ValueError` if the file holds none, as those with a temperature do."""
        if not len(store.keys()):
            raise ValueError(f"This model {EARLIER}")
        super().load_own_variables(store)

    def call(self, logit: tf.Tensor) -> dict[str, tf.Tensor]:
        """The calibrated outputs.

        Args:
            logit: float32 (B, 1).

        Returns:
            {"probability": float32 (B, 1) in [0, 1]; "log10_likelihood_ratio": float32 (B, 1)}
        """
        log_odds = self.scale * logit + self.bias
        return {"probability": tf.sigmoid(log_odds), "log10_likelihood_ratio": log_odds * (1 / math.log(10))}

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "detector": dict(self.detector)}
