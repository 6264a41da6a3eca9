"""ResNet-18's parts as functions, for one stream or for several that share their convolutions.

A stream is a tensor; every function takes and gives a list of streams. Convolutions are shared by the streams, batch normalization is
each stream's own. Padding is explicit, k // 2 on every side, as the ImageNet weights expect it (Keras's "same" shifts even sizes).
"""

from __future__ import annotations

from functools import partial

import keras
from keras import layers

from tfafsr.layers import FusedBatchNormalization

Streams = list[keras.KerasTensor]

conv2d = partial(layers.Conv2D, use_bias=False, kernel_initializer="he_normal")


def conv_bn(streams: Streams, filters: int, kernel: int, stride: int = 1, relu: bool = True, *, name: str) -> Streams:
    """Convolution, batch normalization and, with `relu`, ReLU: (B, H, W, C) -> (B, ceil(H / stride), ceil(W / stride), filters)."""
    same = stride == 1 or kernel == 1
    convolution = conv2d(filters, kernel, stride, padding="same" if same else "valid", name=f"{name}_conv")
    if not same:
        streams = [layers.ZeroPadding2D(kernel // 2, name=_of(name, "pad", i, streams))(x) for i, x in enumerate(streams)]
    streams = [convolution(x) for x in streams]
    streams = [FusedBatchNormalization(name=_of(name, "bn", i, streams))(x) for i, x in enumerate(streams)]
    if relu:
        streams = [layers.ReLU(name=_of(name, "relu", i, streams))(x) for i, x in enumerate(streams)]
    return streams


def stem(streams: Streams, width: int, *, name: str) -> Streams:
    """The first convolution, 7x7 with stride 2: (B, S, S, 3) -> (B, S / 2, S / 2, width)."""
    return conv_bn(streams, width, 7, 2, name=name)


def max_pool(streams: Streams, *, name: str) -> Streams:
    """3x3 with stride 2; zeros are a neutral padding behind a ReLU."""
    streams = [layers.ZeroPadding2D(1, name=_of(name, "pool_pad", i, streams))(x) for i, x in enumerate(streams)]
    return [layers.MaxPooling2D(3, 2, name=_of(name, "pool", i, streams))(x) for i, x in enumerate(streams)]


def block(streams: Streams, filters: int, stride: int, *, name: str) -> Streams:
    """Two 3x3 convolutions around a shortcut."""
    shortcut = streams
    if stride != 1 or streams[0].shape[-1] != filters:
        shortcut = conv_bn(streams, filters, 1, stride, relu=False, name=f"{name}_shortcut")
    streams = conv_bn(streams, filters, 3, stride, name=f"{name}_1")
    streams = conv_bn(streams, filters, 3, relu=False, name=f"{name}_2")
    streams = [layers.Add(name=_of(name, "add", i, streams))(pair) for i, pair in enumerate(zip(streams, shortcut, strict=True))]
    return [layers.ReLU(name=_of(name, "relu", i, streams))(x) for i, x in enumerate(streams)]


def stage(streams: Streams, filters: int, stride: int, *, name: str) -> Streams:
    """Two blocks, the first with the stride."""
    return block(block(streams, filters, stride, name=f"{name}a"), filters, 1, name=f"{name}b")


def _of(name: str, part: str, index: int, streams: Streams) -> str:
    return f"{name}_{part}" if len(streams) == 1 else f"{name}_{part}_{index}"
