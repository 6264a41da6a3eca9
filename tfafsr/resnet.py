"""ResNet-18's parts as functions, for one stream or for several that share their convolutions.

A stream is a tensor; every function takes and returns a list of streams. All streams share the convolutions; each has
its own batch normalization. Padding is explicit, k // 2 on every side, as the ImageNet weights expect it (Keras's
"same" pads even sizes on one side only).
"""

from __future__ import annotations

from functools import partial

import keras
from keras import layers

from tfafsr.layers import FusedBatchNormalization

Streams = list[keras.KerasTensor]

conv2d = partial(layers.Conv2D, use_bias=False, kernel_initializer="he_normal")


def conv_bn(streams: Streams, filters: int, kernel: int, stride: int = 1, relu: bool = True, *, name: str) -> Streams:
    """Convolution, batch normalization and, with `relu`, ReLU: (B, H, W, C) -> (B, ceil(H/s), ceil(W/s), filters)."""
    same = stride == 1 or kernel == 1
    convolution = conv2d(filters, kernel, stride, padding="same" if same else "valid", name=f"{name}_conv")
    if not same:
        streams = _each(layers.ZeroPadding2D, streams, f"{name}_pad", padding=kernel // 2)
    streams = [convolution(x) for x in streams]
    streams = _each(FusedBatchNormalization, streams, f"{name}_bn")
    return _each(layers.ReLU, streams, f"{name}_relu") if relu else streams


def stem(streams: Streams, width: int, *, name: str) -> Streams:
    """The first convolution, 7x7 with stride 2: (B, S, S, 3) -> (B, S / 2, S / 2, width), rounded up."""
    return conv_bn(streams, width, 7, 2, name=name)


def max_pool(streams: Streams, *, name: str) -> Streams:
    """3x3 max-pooling with stride 2; zero padding changes nothing, because values after a ReLU are not negative."""
    streams = _each(layers.ZeroPadding2D, streams, f"{name}_pool_pad", padding=1)
    return _each(layers.MaxPooling2D, streams, f"{name}_pool", pool_size=3, strides=2)


def block(streams: Streams, filters: int, stride: int, *, name: str) -> Streams:
    """Two 3x3 convolutions and a shortcut around them, which is a 1x1 convolution where the shape changes."""
    shortcut = streams
    if stride != 1 or streams[0].shape[-1] != filters:
        shortcut = conv_bn(streams, filters, 1, stride, relu=False, name=f"{name}_shortcut")
    streams = conv_bn(streams, filters, 3, stride, name=f"{name}_1")
    streams = conv_bn(streams, filters, 3, relu=False, name=f"{name}_2")
    streams = _each(layers.Add, list(zip(streams, shortcut, strict=True)), f"{name}_add")
    return _each(layers.ReLU, streams, f"{name}_relu")


def stage(streams: Streams, filters: int, stride: int, blocks: int = 2, *, name: str) -> Streams:
    """One or two blocks; the first one has the stride."""
    for letter in "ab"[:blocks]:
        streams = block(streams, filters, stride if letter == "a" else 1, name=f"{name}{letter}")
    return streams


def _each(layer: type[layers.Layer], streams: list, name: str, **arguments) -> Streams:
    """Applies a separate layer to every stream; with several streams the layers' names end with a number."""
    names = [name] if len(streams) == 1 else [f"{name}_{number}" for number in range(1, len(streams) + 1)]
    return [layer(**arguments, name=own)(x) for own, x in zip(names, streams, strict=True)]
