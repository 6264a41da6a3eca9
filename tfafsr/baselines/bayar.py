"""MISLNet with Bayar and Stamm's constrained convolution (TIFS 2018)."""

from __future__ import annotations

import keras
from keras import layers, ops

from tfafsr.baseline import MOMENTUM, Baseline

SMALLEST_SUM = 1e-7
EPSILON = 1e-5  # Caffe's; residuals of compressed faces have variances below Keras's 1e-3, which would hide them


@keras.saving.register_keras_serializable(package="tfafsr")
class PredictionError(keras.constraints.Constraint):
    """Keeps each filter of a convolution a prediction error: the pixel's neighbours predict it, and it is subtracted.

    In each filter and input channel the weight in the centre is -1, and the sum of the others is 1. Where that sum is
    0 (nearly), the others are all alike.
    """

    def __call__(self, w):
        """The kernel (H, W, C_in, C_out), H and W odd, under the constraint."""
        height, width = w.shape[:2]
        centre = ops.reshape(
            ops.one_hot((height // 2) * width + width // 2, height * width, dtype=w.dtype), (height, width, 1, 1)
        )
        others = w * (1 - centre)
        total = ops.sum(others, axis=(0, 1), keepdims=True)
        usable = ops.abs(total) > SMALLEST_SUM
        scaled = others / ops.where(usable, total, ops.ones_like(total))
        return ops.where(usable, scaled, (1 - centre) / (height * width - 1)) - centre


@keras.saving.register_keras_serializable(package="tfafsr")
class ConstrainedUniform(keras.initializers.Initializer):
    """The absolute values of Glorot's uniform initialisation under `PredictionError`: an average of the neighbours.

    With both signs the sum that the constraint divides by is near 0 in some filters, whose weights become hundreds.

    Args:
        seed: of the random numbers; None draws one.
    """

    def __init__(self, seed: int | None = None) -> None:
        self._glorot = keras.initializers.GlorotUniform(seed)

    def __call__(self, shape, dtype=None):
        """A kernel of this shape."""
        return PredictionError()(ops.abs(self._glorot(shape, dtype)))

    def get_config(self) -> dict:
        """The arguments of the constructor."""
        return {"seed": self._glorot.seed}


@keras.saving.register_keras_serializable(package="tfafsr")
class Bayar(Baseline):
    """MISLNet: a convolution constrained to prediction errors, which suppress the picture, before an ordinary network.

    Source: Bayar and Stamm, "Constrained Convolutional Neural Networks", TIFS 2018: 3 constrained filters 5x5; 96 7x7
    with stride 2; 64 5x5; 64 5x5; 128 1x1; each with batch normalisation, tanh and pooling 3x3 with stride 2 (the last
    one the average); two dense layers of 200. Built on RGB. The network of 2016 is smaller. Departures: Adam in the
    place of gradient descent with momentum; batch normalisation's momentum is 0.9.
    """

    AUTHORS_SIZE = 256
    learning_rate = 1e-3

    @staticmethod
    def network(image):
        """See `Baseline.network`; (B, 200)."""
        x = layers.Rescaling(1 / 255, name="scale")(image)
        x = layers.Conv2D(
            3,
            5,
            use_bias=False,
            kernel_initializer=ConstrainedUniform(),
            kernel_constraint=PredictionError(),
            name="constrained",
        )(x)
        for number, (filters, kernel, stride) in enumerate(((96, 7, 2), (64, 5, 1), (64, 5, 1), (128, 1, 1)), 1):
            x = layers.Conv2D(filters, kernel, stride, padding="same", name=f"conv{number}")(x)
            x = layers.BatchNormalization(momentum=MOMENTUM, epsilon=EPSILON, name=f"bn{number}")(x)
            x = layers.Activation("tanh", name=f"tanh{number}")(x)
            pool = layers.AveragePooling2D if number == 4 else layers.MaxPooling2D
            x = pool(3, 2, padding="same", name=f"pool{number}")(x)
        x = layers.Flatten(name="flatten")(x)
        for number in (1, 2):
            x = layers.Dense(200, activation="tanh", name=f"dense{number}")(x)
        return x


METHOD = Bayar
