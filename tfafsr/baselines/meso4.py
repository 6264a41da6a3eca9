"""Meso4, the smaller network of MesoNet (Afchar et al., WIFS 2018)."""

from __future__ import annotations

import keras
from keras import layers

from tfafsr.baseline import MOMENTUM, Baseline


@keras.saving.register_keras_serializable(package="tfafsr")
class Meso4(Baseline):
    """Meso4: four convolutions, so few that they cannot learn people, only textures between noise and meaning.

    27,977 trainable parameters, as published. Source: Afchar, Nozick, Yamagishi, Echizen, "MesoNet: a Compact Facial
    Video Forgery Detection Network", WIFS 2018. Departures: trained by cross entropy, as all methods here, where the
    authors minimise the squared error; batch normalisation's momentum is 0.9.
    """

    AUTHORS_SIZE = 256
    learning_rate = 1e-3

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 16)."""
        x = layers.Rescaling(1 / 255, name="scale")(image)
        x = block(x, 8, 3, 2, "block1")
        x = block(x, 8, 5, 2, "block2")
        return tail(x)


def block(x, filters: int, kernel: int, pooled: int, name: str):
    """Convolution, ReLU, batch normalisation, maximum over `pooled` x `pooled`."""
    x = layers.Conv2D(filters, kernel, padding="same", activation="relu", name=f"{name}_conv")(x)
    return normalised_and_pooled(x, pooled, name)


def normalised_and_pooled(x, pooled: int, name: str):
    """Batch normalisation, and the maximum over `pooled` x `pooled`."""
    x = layers.BatchNormalization(momentum=MOMENTUM, name=f"{name}_bn")(x)
    return layers.MaxPooling2D(pooled, padding="same", name=f"{name}_pool")(x)


def tail(x):
    """What both networks have behind their first two blocks; (B, 16)."""
    x = block(x, 16, 5, 2, "block3")
    x = block(x, 16, 5, 4, "block4")
    x = layers.Dropout(0.5, name="dropout1")(layers.Flatten(name="flatten")(x))
    x = layers.LeakyReLU(negative_slope=0.1, name="dense_relu")(layers.Dense(16, name="dense")(x))
    return layers.Dropout(0.5, name="dropout2")(x)


METHOD = Meso4
