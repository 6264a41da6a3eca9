"""EfficientNet-B4 (Tan and Le, ICML 2019), which later papers take as their bare network."""

from __future__ import annotations

import keras
from keras import layers

from tfafsr.baseline import Baseline, pooled_features


@keras.saving.register_keras_serializable(package="tfafsr")
class EfficientNetB4(Baseline):
    """EfficientNet-B4: depth, width and size scaled together; `keras.applications.EfficientNetB4` with one logit.

    17,673,823 parameters before the logit. Source: Tan and Le, "EfficientNet: Rethinking Model Scaling for
    Convolutional Neural Networks", ICML 2019. Departures: from random weights; Adam in the place of RMSProp; batch
    normalisation's momentum is 0.9.
    """

    AUTHORS_SIZE, BACKBONE = 380, "EfficientNetB4"
    learning_rate = 2e-4

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 1792). The network scales [0, 255] itself."""
        return layers.Dropout(0.4, name="dropout")(pooled_features(keras.applications.EfficientNetB4, image))


METHOD = EfficientNetB4
