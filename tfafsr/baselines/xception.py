"""XceptionNet, the strongest baseline of FaceForensics++ (Rössler et al., ICCV 2019)."""

from __future__ import annotations

import keras
from keras import layers

from tfafsr.baseline import Baseline, set_momentum


@keras.saving.register_keras_serializable(package="tfafsr")
class Xception(Baseline):
    """XceptionNet: depthwise separable convolutions; `keras.applications.Xception` with one logit.

    20,861,480 parameters before the logit. Source: Chollet, "Xception: Deep Learning with Depthwise Separable
    Convolutions", CVPR 2017; as a detector: Rössler et al., "FaceForensics++", ICCV 2019. Departures: from random
    weights, where Rössler et al. begin with ImageNet's; no dropout before the logit; batch normalisation's momentum is
    0.9.
    """

    AUTHORS_SIZE, SMALLEST = 299, 71
    learning_rate = 2e-4

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 2048)."""
        x = layers.Rescaling(1 / 127.5, -1.0, name="scale")(image)
        net = keras.applications.Xception(weights=None, include_top=False, input_shape=image.shape[1:], pooling="avg")
        return set_momentum(net)(x)


METHOD = Xception
