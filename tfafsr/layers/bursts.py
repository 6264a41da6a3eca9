"""Bursts of neighbouring frames: as single faces for a network of faces, and its features as sequences again."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="tfafsr")
class FacesOfBursts(keras.layers.Layer):
    """(B, n, ...) -> (B * n, ...): the frames of all bursts, burst by burst."""

    def call(self, bursts):
        """The frames."""
        return ops.reshape(bursts, (-1, *bursts.shape[2:]))

    def compute_output_shape(self, input_shape):
        """(None, ...)."""
        return (None, *input_shape[2:])


@keras.saving.register_keras_serializable(package="tfafsr")
class BurstsOfFeatures(keras.layers.Layer):
    """(B * n, C) -> (B, n, C): the features of each burst's frames.

    Args:
        frames: n.
    """

    def __init__(self, frames: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.frames = frames

    def call(self, features):
        """The sequences."""
        return ops.reshape(features, (-1, self.frames, features.shape[-1]))

    def compute_output_shape(self, input_shape):
        """(None, n, C)."""
        return (None, self.frames, input_shape[-1])

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "frames": self.frames}
