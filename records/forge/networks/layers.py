"""What both networks are made of: convolutions with seeded initial weights, and exchange of pixels for features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from records.forge.seeds import generator

if TYPE_CHECKING:
    import keras


def initializers(seed: int, name: str) -> Iterator[keras.initializers.Initializer]:
    """Endless initializers (He et al. 2015) that give the network `name` the same first weights for the same seed."""
    import keras

    rng = generator(seed, "initial weights", name)
    while True:
        yield keras.initializers.HeNormal(seed=int(rng.integers(2**31)))


def conv(
    x: keras.KerasTensor, filters: int, start: Iterator[keras.initializers.Initializer], name: str, strides: int = 1
) -> keras.KerasTensor:
    """A 3x3 convolution called `name`, and a leaky ReLU.

    Layers with weights need names: those that Keras makes up differ in a second network of the same process, and the
    weights are saved by name.
    """
    from keras import layers

    x = layers.Conv2D(filters, 3, strides, padding="same", kernel_initializer=next(start), name=name)(x)
    return layers.LeakyReLU(0.1)(x)


def unshuffled(x: keras.KerasTensor) -> keras.KerasTensor:
    """Moves each block of 2 x 2 pixels into the features: (B, H, W, C) -> (B, H/2, W/2, 4C).

    Convolutions at the full size would take most of the time.
    """
    from keras import layers, ops

    _, height, width, features = x.shape
    x = layers.Reshape((height // 2, 2, width // 2, 2 * features))(x)
    x = ops.transpose(x, (0, 1, 3, 2, 4))
    return layers.Reshape((height // 2, width // 2, 4 * features))(x)


def shuffled(x: keras.KerasTensor) -> keras.KerasTensor:
    """The inverse of `unshuffled`: (B, H, W, 4C) -> (B, 2H, 2W, C)."""
    from keras import layers, ops

    _, height, width, features = x.shape
    x = layers.Reshape((height, width, 2, features // 2))(x)
    x = ops.transpose(x, (0, 1, 3, 2, 4))
    return layers.Reshape((2 * height, 2 * width, features // 4))(x)
