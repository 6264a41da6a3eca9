"""The Artifacts-Focus Super-Resolution autoencoder: I^l -> I^r."""

from __future__ import annotations

import keras
from keras import layers

from tfafsr import resnet

OUTPUTS = ("plain", "residual", "none")


def afsr(
    image: keras.KerasTensor, width: int = 64, output: str = "plain", blocks: int = 2, decoder: int = 1
) -> keras.KerasTensor:
    """ResNet-18 as encoder, five decoder blocks with residual connections to the encoder's maps.

    Args:
        image: I^l, (B, S, S, 3) in [-1, 1], S at least 64, odd or even.
        width: filters of the encoder's first stage; 64 is ResNet-18's.
        output: `plain`: I^r = tanh(conv), as in the paper. `residual`: I^r = I^l + tanh(conv), where the convolution
            is initialised with zeros, so that training starts from the identity. `none`: I^r = I^l, for the ablation
            without AFSR.
        blocks: residual blocks in each of the encoder's stages: 2 is ResNet-18, 1 is ResNet-10.
        decoder: factor of the decoder's filters; with 1 its blocks have 4, 2, 1, 1 and 1/2 times `width`.

    Returns:
        I^r, float32 (B, S, S, 3): in [-1, 1] with `plain` and `none`, in [-2, 2] with `residual`.
    """
    if output not in OUTPUTS:
        raise ValueError(f"output must be one of {', '.join(OUTPUTS)}; received {output!r}.")
    if output == "none":
        return image

    # Encoder: S -> S/2 -> S/4 -> S/8 -> S/16 -> S/32, each rounded up.
    (x,) = resnet.stem([image], width, name="afsr_stem")  # (B, S/2, S/2, width)
    maps = [image, x]
    (x,) = resnet.max_pool([x], name="afsr_stem")  # (B, S/4, S/4, width)
    for number, factor in enumerate((1, 2, 4, 8), 1):
        (x,) = resnet.stage([x], factor * width, 1 if number == 1 else 2, blocks, name=f"afsr_stage{number}")
        maps.append(x)

    # Decoder: back through the same sizes.
    x = maps.pop()  # (B, S/32, S/32, 8 * width)
    widths = (4 * width, 2 * width, width, width, width // 2)
    for number, (skip, filters) in enumerate(zip(reversed(maps), widths, strict=True), 1):
        x = decoder_block(x, skip, decoder * filters, name=f"afsr_decoder{number}")

    initial = "zeros" if output == "residual" else "glorot_uniform"
    x = layers.Conv2D(3, 3, padding="same", kernel_initializer=initial, dtype="float32", name="afsr_output")(x)
    x = layers.Activation("tanh", dtype="float32", name="afsr_tanh")(x)  # (B, S, S, 3)
    return layers.Add(dtype="float32", name="afsr_residual")([image, x]) if output == "residual" else x


def decoder_block(x: keras.KerasTensor, skip: keras.KerasTensor, filters: int, *, name: str) -> keras.KerasTensor:
    """Doubles the size, applies two 3x3 convolutions and adds the encoder's map of that size.

    Doubling may give one row and one column too many (8 -> 16 where the encoder's map has 15). The next convolution
    removes them: it pads at the top and left only. The result differs from cropping only at the border, where the
    convolution sees the surplus row and column instead of zeros, and no copy of the large maps is made.
    """
    x = layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_up")(x)
    padding = "same"
    if x.shape[1] != skip.shape[1]:
        x = layers.ZeroPadding2D(((1, 0), (1, 0)), name=f"{name}_cut")(x)
        padding = "valid"
    x = resnet.conv2d(filters, 3, padding=padding, name=f"{name}_1_conv")(x)  # the skip's height and width
    x = layers.ReLU(name=f"{name}_1_relu")(resnet.FusedBatchNormalization(name=f"{name}_1_bn")(x))
    (x,) = resnet.conv_bn([x], filters, 3, relu=False, name=f"{name}_2")
    if skip.shape[-1] != filters:
        skip = layers.Conv2D(filters, 1, name=f"{name}_projection")(skip)
    return layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, skip]))
