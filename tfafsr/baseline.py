"""What all baselines share: one network from the frame alone to a logit, at the size that its authors fed it."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import layers

from tfafsr.classifier import Classifier
from tfafsr.dtype_policy import dtype_policy
from tfafsr.layers import Bilinear, FacesOfBursts, PlattScaling

SMALLEST, LARGEST = 32, 1024
MOMENTUM = 0.9  # of batch normalisation; with Keras's 0.99 a short training infers with statistics of its beginning


class Baseline(Classifier):
    """A method of the literature, trained, scored and exported as `tfafsr.Detector` is; see `Classifier`.

    Input: `frame`, uint8 (B, S, S, 3) RGB, or (B, BURST, S, S, 3). It is resized (bilinear) to `input_size` inside the
    graph.
    Outputs: `logit`, `probability`, `log10_likelihood_ratio`, all float32 (B, 1).

    A subclass says at which size its authors fed the network, and what the network is: `network`, or `heads` where
    there is more than one output.

    Args:
        size: S, side of the faces in pixels.
        input_size: side at which the network sees them; by default `AUTHORS_SIZE`.
        dtype: dtype policy of the layers; Keras's global one by default.

    Raises:
        ValueError: a size outside of [32, 1024], or one that the network cannot take.
    """

    AUTHORS_SIZE = 256
    BACKBONE: str | None = None
    """The function of `keras.applications` that makes the network, where ImageNet's weights fit it."""
    SMALLEST, MULTIPLE_OF = 32, 1
    """Of `input_size`."""
    network: Callable[[keras.KerasTensor], keras.KerasTensor]
    """float32 (B, input_size, input_size, 3), RGB in [0, 255] -> features (B, C) before the logit."""

    def __init__(
        self, *graph, size: int = 128, input_size: int | None = None, dtype: str | None = None, **kwargs
    ) -> None:
        if graph:
            super().__init__(*graph, **kwargs)
            self._set_up({**self.get_layer("calibration").detector})
            return
        side = input_size or self.AUTHORS_SIZE
        for name, value, smallest in (("size", size, SMALLEST), ("input_size", side, self.SMALLEST)):
            if not smallest <= value <= LARGEST:
                raise ValueError(f"{name} must be in [{smallest}, {LARGEST}] pixels; received {value}.")
        if side % self.MULTIPLE_OF:
            raise ValueError(f"input_size must be a multiple of {self.MULTIPLE_OF} pixels; received {side}.")
        options = {"size": size, "input_size": side, "dtype": dtype or keras.config.dtype_policy().name}
        with dtype_policy(options["dtype"]):
            shape = (size, size, 3) if self.BURST == 1 else (self.BURST, size, size, 3)
            inputs = {"frame": keras.Input(shape, dtype="uint8", name="frame")}
            faces = inputs["frame"] if self.BURST == 1 else FacesOfBursts(name="faces")(inputs["frame"])
            image = layers.Rescaling(1.0, dtype="float32", name="as_float")(faces)
            outputs = self.heads(Bilinear(side, dtype="float32", name="resized")(image), inputs)
            outputs |= PlattScaling(options, name="calibration")(outputs["logit"])
            super().__init__(inputs=inputs, outputs=outputs, **kwargs)
        self._set_up(options)

    @classmethod
    def heads(cls, image, inputs: dict) -> dict:
        """The outputs before calibration: here the logit, a dense layer on the features.

        Args:
            image: float32 (B, input_size, input_size, 3), RGB in [0, 255].
            inputs: the model's inputs, to which the method may add fields of the records.

        Returns:
            At least `logit`, float32 (B, 1).
        """
        return {"logit": layers.Dense(1, dtype="float32", name="logit")(cls.network(image))}


def signed(image: keras.KerasTensor) -> keras.KerasTensor:
    """An image in [0, 255] -> in [-1, 1], float32."""
    return layers.Rescaling(1 / 127.5, -1.0, dtype="float32", name="scale")(image)


def pooled_features(build: Callable[..., keras.Model], image: keras.KerasTensor) -> keras.KerasTensor:
    """The average of the last map of a network of `keras.applications`, with random weights; (B, C).

    Its batch normalisation follows the statistics of the last batches: `MOMENTUM`.

    Args:
        build: a function of `keras.applications`.
        image: float32 (B, N, N, channels), scaled as the network wants it.
    """
    network = build(weights=None, include_top=False, input_shape=image.shape[1:], pooling="avg")
    for layer in network.layers:
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = MOMENTUM
    return network(image)
