"""The frequency-aware decomposition of F3-Net (Qian et al., ECCV 2020) before an XceptionNet."""

from __future__ import annotations

import warnings

import keras
import numpy as np
from keras import layers, ops

from tfafsr.baseline import Baseline, pooled_features, signed

# Lines x + y of the spectrum of N x N coefficients between which a band lies, as parts of N: the first sixteenth of the
# coefficients, those up to an eighth, the others; and all of them, as in public implementations.
BANDS = ((0.0, 1 / 8**0.5), (1 / 8**0.5, 0.5), (0.5, 2.0), (0.0, 2.0))


def cosines(side: int) -> np.ndarray:
    """The matrix D of the orthonormal discrete cosine transform: the spectrum of x is D x D^T; float32 (N, N)."""
    frequency, place = np.mgrid[:side, :side]
    matrix = np.cos(np.pi * frequency * (2 * place + 1) / (2 * side)) * np.sqrt(2 / side)
    matrix[0] /= np.sqrt(2)
    return matrix.astype(np.float32)


@keras.saving.register_keras_serializable(package="tfafsr")
class FrequencyBands(layers.Layer):
    """Splits images into frequency bands, whose borders are learnt: (B, N, N, C) -> (B, N, N, C * bands).

        y_i = D^T ((D x D^T) * (f_base_i + tanh(f_i / 2))) D

    with D of the cosine transform, f_base_i 1 inside the band i and 0 outside, and f_i learnt (Eq. 1 and 2 of the
    paper, whose sigma(f) = (1 - e^-f) / (1 + e^-f) is tanh(f / 2)). Always float32.
    """

    def __init__(self, **kwargs) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})

    def build(self, input_shape) -> None:
        """Makes the filters f."""
        side = input_shape[1]
        diagonal = np.add.outer(np.arange(side), np.arange(side)) / side
        base = [(low <= diagonal) & (diagonal < high) for low, high in BANDS]
        self.base, self.cosines = np.stack(base).astype(np.float32), cosines(side)
        self.learnt = self.add_weight(
            name="learnt", shape=(len(BANDS), side, side), initializer=keras.initializers.RandomNormal(stddev=0.1)
        )

    def call(self, images):
        """float32 (B, N, N, C) -> float32 (B, N, N, C * bands), band by band."""
        spectrum = ops.matmul(ops.matmul(self.cosines, ops.transpose(images, (0, 3, 1, 2))), self.cosines.T)
        filters = self.base + ops.tanh(self.learnt / 2)
        bands = [
            ops.matmul(ops.matmul(self.cosines.T, spectrum * filters[index]), self.cosines)
            for index in range(len(BANDS))
        ]
        return ops.transpose(ops.concatenate(bands, axis=1), (0, 2, 3, 1))

    def compute_output_shape(self, input_shape):
        """(B, N, N, C * bands)."""
        return (*input_shape[:3], input_shape[3] * len(BANDS))


@keras.saving.register_keras_serializable(package="tfafsr")
class F3Net(Baseline):
    """F3-Net's frequency stream: an XceptionNet that reads the face in four bands of its cosine transform.

    Source: Qian, Yin, Sheng, Chen, Shao, "Thinking in Frequency: Face Forgery Detection by Mining Frequency-aware
    Clues", ECCV 2020. Departures: the stream of local statistics and the attention between both streams are left out;
    the fourth band, the whole spectrum, is that of public implementations; from random weights, where the authors begin
    with ImageNet's; Adam in the place of gradient descent with momentum; batch normalisation's momentum is 0.9.
    """

    AUTHORS_SIZE, SMALLEST = 299, 71
    learning_rate = 2e-4

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 2048)."""
        bands = FrequencyBands(name="bands")(signed(image))
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "This model usually expects 1 or 3 input channels")
            return pooled_features(keras.applications.Xception, bands)


METHOD = F3Net
