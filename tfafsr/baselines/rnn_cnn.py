"""A recurrent network over the features of neighbouring frames (Sabir et al., CVPR Workshops 2019)."""

from __future__ import annotations

import keras
from keras import layers

from tfafsr.baseline import Baseline, pooled_features
from tfafsr.initialisation import MEAN, SPREAD
from tfafsr.layers import BurstsOfFeatures

UNITS = 128  # of the recurrent network, in each direction


@keras.saving.register_keras_serializable(package="tfafsr")
class RnnCnn(Baseline):
    """RNN-CNN: DenseNet-121 on each of 5 neighbouring frames, and a bidirectional GRU over their features.

    7,037,504 parameters of DenseNet. Input: `frame`, uint8 (B, 5, S, S, 3): records of `tfafsr build --burst 5`. All
    frames of a burst get its score. A single face is scored as if it stood still for five frames. Source: Sabir, Cheng,
    Jaiswal, AbdAlmageed, Masi, Natarajan, "Recurrent Convolutional Strategies for Face Manipulation Detection in
    Videos", CVPR Workshops 2019. Departures: from random weights, where the authors begin with ImageNet's; faces are
    cropped as for all methods here and not aligned by landmarks; 128 units, of which the authors say nothing; batch
    normalisation's momentum is 0.9.
    """

    AUTHORS_SIZE, BURST, BACKBONE = 224, 5, "DenseNet121"
    learning_rate = 1e-4

    @classmethod
    def heads(cls, image, inputs: dict) -> dict:
        """See `Baseline.heads`: `logit` (B, 1) of bursts."""
        variance = [spread**2 for spread in SPREAD]
        scaled = layers.Rescaling(1 / 255, dtype="float32", name="scale")(image)
        scaled = layers.Normalization(mean=MEAN, variance=variance, dtype="float32", name="colours")(scaled)
        features = BurstsOfFeatures(cls.BURST, name="burst")(pooled_features(keras.applications.DenseNet121, scaled))
        # Unrolled, it consists of operations that LiteRT has.
        recurrent = layers.Bidirectional(layers.GRU(UNITS, unroll=True), name="recurrent")(features)
        return {"logit": layers.Dense(1, dtype="float32", name="logit")(recurrent)}

    def deployed(self) -> keras.Model:
        """See `Classifier.deployed`: one face (B, S, S, 3), whose features are those of all five frames."""
        size = self.options["size"]
        frame = keras.Input((size, size, 3), dtype="uint8", name="frame")
        to_features = keras.Model(self.get_layer("faces").output, self.get_layer("burst").input)
        to_scores = keras.Model(self.get_layer("burst").output, self.output)
        return keras.Model(
            {"frame": frame},
            to_scores(layers.RepeatVector(self.BURST, name="still")(to_features(frame))),
            name=f"{self.name}_deployed",
        )


METHOD = RnnCnn
