"""Deepfakes' autoencoder: a shared encoder for pose and expression, and one decoder for all persons of a data set.

After the programs "faceswap" and DeepFaceLab, which train an encoder and two decoders for a pair of persons. Here one
decoder is told by a picture whose face to decode. That picture passes a bottleneck, so that the output is the decoder's
own, with a decoder's traces.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from records.forge.networks.crops import SIDE
from records.forge.networks.faces import FaceCrops
from records.forge.networks.layers import conv, initializers, shuffled, unshuffled
from records.forge.networks.training import Batch, Inputs
from records.forge.networks.warps import toned, warped

if TYPE_CHECKING:
    import keras

ENCODER = (48, 96, 128)
"""Number of features at 16, 8 and 4 pixels."""
DECODER = (96, 80, 40, 24)
"""Number of features at 4, 8, 16 and 32 pixels."""
EXPRESSION, PERSON = 48, 128
"""Lengths of the two codes."""
DETAIL = {16: 16, 32: 3}
"""Number of features of the person that the decoder sees at 16 and at 32 pixels."""
WARP, TONE = 0.7, 0.1
"""How far the encoder's input is warped, in pixels, and how much its tone is changed."""


def autoencoder(seed: int) -> keras.Model:
    """The network: {"face", "person"} -> picture, all float32 (B, SIDE, SIDE, 3), inputs in [0, 1].

    `face` is encoded into a short code of pose, expression and light. `person` gives the face its identity: by a code
    that scales and shifts the features of each stage of the decoder (FiLM, Perez et al. 2018), by features at 16 and
    at 32 pixels, and by its own average over 4 x 4 pixels, to which the decoder's output is added.
    """
    import keras
    from keras import layers

    start = initializers(seed, "autoencoder")

    def dense(units: int, **options: str) -> layers.Dense:
        return layers.Dense(units, kernel_initializer=next(start), **options)

    face = keras.Input((SIDE, SIDE, 3), name="face")
    person = keras.Input((SIDE, SIDE, 3), name="person")
    of_face, of_person = _encoded(face, start, "face"), _encoded(person, start, "person")
    expression = dense(EXPRESSION, name="expression")(layers.Flatten()(of_face[-1]))
    code = dense(PERSON, activation="relu", name="identity")(layers.Flatten()(of_person[-1]))
    detail = {
        size: layers.Conv2D(DETAIL[size], 1, kernel_initializer=next(start), name=f"detail_{size}")(features)
        for size, features in ((16, of_person[0]), (32, unshuffled(person)))
    }

    x = dense(4 * 4 * DECODER[0], name="decoder_4")(layers.Concatenate()([expression, code]))
    x = layers.LeakyReLU(0.1)(layers.Reshape((4, 4, DECODER[0]))(x))
    for filters in DECODER[1:]:
        x = layers.UpSampling2D(2)(x)
        size = x.shape[1]
        if size in detail:
            x = layers.Concatenate()([x, detail[size]])
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer=next(start), name=f"decoder_{size}")(x)
        scale, shift = (
            layers.Dense(filters, kernel_initializer="zeros", name=f"{what}_{size}")(code)
            for what in ("scale", "shift")
        )
        scale, shift = (layers.Reshape((1, 1, filters))(one) for one in (scale, shift))
        x = layers.LeakyReLU(0.1)(layers.Add()([x, layers.Multiply()([x, scale]), shift]))
    added = layers.Conv2D(12, 3, padding="same", kernel_initializer="zeros", name="added")(x)
    coarse = layers.UpSampling2D(4, interpolation="bilinear")(layers.AveragePooling2D(4)(person))
    picture = layers.Add(name="picture")([coarse, shuffled(added)])
    return keras.Model({"face": face, "person": person}, picture, name="autoencoder")


def autoencoder_inputs(faces: np.ndarray, persons: np.ndarray) -> Inputs:
    """The network's inputs from uint8 crops (B, SIDE, SIDE, 3): whose expression, and whose face."""
    return {"face": faces / np.float32(255), "person": persons / np.float32(255)}


def autoencoder_batch(crops: FaceCrops, size: int, rng: np.random.Generator) -> Batch:
    """`size` faces for training: each is to be decoded from a disturbed copy and another picture of the person.

    The copy is warped and its tone is changed at random, so that its code cannot say whose face it is.
    """
    chosen = rng.integers(crops.people, size=size), rng.integers(crops.frames, size=size)
    wanted = crops.pictures[chosen] / np.float32(255)
    inputs = {
        "face": toned(warped(wanted, rng, WARP), rng, TONE),
        "person": crops.references[chosen] / np.float32(255),
    }
    return inputs, wanted, _weight()


def _encoded(picture: keras.KerasTensor, start: Iterator, name: str) -> list[keras.KerasTensor]:
    """The features of a picture at 16, 8 and 4 pixels."""
    x, stages = unshuffled(picture), []
    for number, filters in enumerate(ENCODER):
        x = conv(x, filters, start, f"{name}_{16 >> number}", strides=2)
        stages.append(x)
    return stages


def _weight() -> np.ndarray:
    """The weight of each pixel in the loss: 1 in the face, 0.2 in the corners; float32 (1, SIDE, SIDE, 1)."""
    y, x = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) - (SIDE - 1) / 2
    radius = np.hypot(x / 27, (y - 1) / 31)
    return np.clip((1.3 - radius) / 0.3, 0.2, 1)[None, ..., None]
