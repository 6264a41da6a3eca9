"""NeuralTextures' renderer: a U-Net that paints the lower face anew, with the lips where a mesh wants them.

After "Deferred Neural Rendering" (Thies, Zollhöfer and Nießner 2019), which learns for each person a texture, samples
it where the mesh is wanted, and renders it with a U-Net. Here the texture is another frame of the person, sampled in
the same way and then blurred, and one U-Net serves all persons of a data set.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from records.forge.networks.crops import SIDE
from records.forge.networks.drawings import blurred
from records.forge.networks.faces import FaceCrops
from records.forge.networks.layers import conv, initializers, shuffled, unshuffled
from records.forge.networks.training import Batch, Inputs

if TYPE_CHECKING:
    import keras

WIDTHS = (32, 48, 64)
"""Number of features at 32, 16 and 8 pixels."""
BLURS = (1.2, 3.0)
"""Standard deviations in pixels of the blur of the texture in training, at random: with little of it the network learns
to restore detail, with more to follow the drawn lips. The first one is used to paint."""
WEIGHT_OUTSIDE = 0.02
"""Weight in the loss of pixels outside of the lower face, where the picture is known."""


def mouth_renderer(seed: int) -> keras.Model:
    """The network: {"covered": (B, SIDE, SIDE, 3), "lips": (B, SIDE, SIDE, 2)} -> (B, SIDE, SIDE, 3).

    All are float32; inputs are in [0, 1]. `covered` is a face whose lower part is the blurred
    texture. The output is `covered` plus what the network adds to it: a picture in [0, 1] except for small errors.
    """
    import keras
    from keras import layers

    start = initializers(seed, "mouth renderer")
    covered = keras.Input((SIDE, SIDE, 3), name="covered")
    lips = keras.Input((SIDE, SIDE, 2), name="lips")
    fine = conv(unshuffled(layers.Concatenate()([covered, lips])), WIDTHS[0], start, "fine")  # (B, 32, 32, C)
    middle = conv(fine, WIDTHS[1], start, "middle", strides=2)
    x = conv(middle, WIDTHS[2], start, "coarse", strides=2)  # (B, 8, 8, C)
    x = conv(x, WIDTHS[2], start, "bottom")
    x = layers.Add()([conv(layers.UpSampling2D(2)(x), WIDTHS[1], start, "decoded_middle"), middle])
    x = layers.Add()([conv(layers.UpSampling2D(2)(x), WIDTHS[0], start, "decoded_fine"), fine])
    added = layers.Conv2D(12, 3, padding="same", kernel_initializer="zeros", name="added")(x)
    picture = layers.Add(name="picture")([covered, shuffled(added)])
    return keras.Model({"covered": covered, "lips": lips}, picture, name="mouth_renderer")


def mouth_inputs(
    pictures: np.ndarray,
    textures: np.ndarray,
    lower_faces: np.ndarray,
    lips: np.ndarray,
    blur: np.ndarray | None = None,
) -> Inputs:
    """The renderer's inputs.

    Args:
        pictures: uint8 (B, SIDE, SIDE, 3), crops.
        textures: uint8 (B, SIDE, SIDE, 3), crops of the same persons with the lips that are wanted.
        lower_faces: uint8 (B, SIDE, SIDE), the region to paint.
        lips: uint8 (B, SIDE, SIDE, 2), the lips that are wanted, as `drawn_lips` draws them.
        blur: int (B,), which of `BLURS` each texture gets; None for the first.
    """
    pictures, textures = pictures / np.float32(255), textures / np.float32(255)
    smooth = blurred(textures, BLURS[0])
    if blur is not None:
        smooth = np.where(blur[:, None, None, None] == 1, blurred(textures, BLURS[1]), smooth)
    covered = pictures + lower_faces[..., None] / np.float32(255) * (smooth - pictures)
    return {"covered": covered, "lips": lips / np.float32(255)}


def mouth_batch(crops: FaceCrops, size: int, rng: np.random.Generator) -> Batch:
    """`size` faces for training: each is to be painted as it is, from another frame's texture and its own lips."""
    chosen = rng.integers(crops.people, size=size), rng.integers(crops.frames, size=size)
    pictures, textures, lower_faces = crops.pictures[chosen], crops.references[chosen], crops.lower_faces[chosen]
    inputs = mouth_inputs(pictures, textures, lower_faces, crops.lips[chosen], rng.integers(len(BLURS), size=size))
    weight = WEIGHT_OUTSIDE + (1 - WEIGHT_OUTSIDE) * (lower_faces[..., None] / np.float32(255))
    return inputs, pictures / np.float32(255), weight
