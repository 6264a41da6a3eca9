"""MesoInception4, the larger network of MesoNet (Afchar et al., WIFS 2018)."""

from __future__ import annotations

import keras
from keras import layers

from tfafsr.baseline import Baseline
from tfafsr.baselines.meso4 import normalised_and_pooled, tail


@keras.saving.register_keras_serializable(package="tfafsr")
class MesoInception4(Baseline):
    """MesoInception4: Meso4 with inception modules of dilated convolutions in the place of its first two blocks.

    28,615 trainable parameters, as published. Source: Afchar, Nozick, Yamagishi, Echizen, "MesoNet: a Compact Facial
    Video Forgery Detection Network", WIFS 2018. Departures: as `Meso4`.
    """

    AUTHORS_SIZE = 256
    learning_rate = 1e-3

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 16)."""
        x = layers.Rescaling(1 / 255, name="scale")(image)
        for number, filters in enumerate(((1, 4, 4, 2), (2, 4, 4, 2)), 1):
            x = normalised_and_pooled(_inception(x, filters, f"inception{number}"), 2, f"block{number}")
        return tail(x)


def _inception(x, filters: tuple[int, int, int, int], name: str):
    """Four branches side by side: 1x1; 1x1 and 3x3; the same with a dilation of 2; of 3."""

    def conv(inputs, count: int, kernel: int, dilation: int, branch: str):
        return layers.Conv2D(
            count, kernel, padding="same", dilation_rate=dilation, activation="relu", name=f"{name}_{branch}"
        )(inputs)

    branches = [conv(x, filters[0], 1, 1, "branch1")]
    for dilation, count in enumerate(filters[1:], 1):
        inner = conv(x, count, 1, 1, f"branch{dilation + 1}_1x1")
        branches.append(conv(inner, count, 3, dilation, f"branch{dilation + 1}"))
    return layers.Concatenate(name=f"{name}_concat")(branches)


METHOD = MesoInception4
