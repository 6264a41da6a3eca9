"""XceptionNet, the strongest baseline of FaceForensics++ (Rössler et al., ICCV 2019)."""

from __future__ import annotations

import keras

from tfafsr.baseline import Baseline, pooled_features, signed


@keras.saving.register_keras_serializable(package="tfafsr")
class Xception(Baseline):
    """XceptionNet: depthwise separable convolutions; `keras.applications.Xception` with one logit.

    20,861,480 parameters before the logit. Source: Chollet, "Xception: Deep Learning with Depthwise Separable
    Convolutions", CVPR 2017; as a detector: Rössler et al., "FaceForensics++", ICCV 2019. Departures: from random
    weights, where Rössler et al. begin with ImageNet's; no dropout before the logit; batch normalisation's momentum is
    0.9.
    """

    AUTHORS_SIZE, SMALLEST, BACKBONE = 299, 71, "Xception"
    learning_rate = 2e-4

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 2048)."""
        return pooled_features(keras.applications.Xception, signed(image))


METHOD = Xception
