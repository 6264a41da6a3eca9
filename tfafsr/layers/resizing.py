"""Resizing inside a network."""

from __future__ import annotations

import keras


@keras.saving.register_keras_serializable(package="tfafsr")
class Bilinear(keras.layers.Layer):
    """Resizes images to a square by bilinear interpolation.

    `keras.layers.Resizing` of Keras 3.15 cannot be used in a network: its own default, training=True, reaches the
    layers behind it in each call that does not say `training`.

    Args:
        side: the new height and width in pixels.
    """

    def __init__(self, side: int, **kwargs) -> None:
        super().__init__(**kwargs)
        self.side = side

    def call(self, images):
        """(B, H, W, C) -> (B, side, side, C), the same dtype."""
        return keras.ops.image.resize(images, (self.side, self.side), interpolation="bilinear")

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {**super().get_config(), "side": self.side}
