"""Begins a detector with the weights of a ResNet-18 that was trained on something else, such as ImageNet."""

from __future__ import annotations

import re
from collections.abc import Sequence

import keras
import numpy as np

from tfafsr.detector import Detector
from tfafsr.layers import FusedBatchNormalization

MEAN, SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's colours in [0, 1]
OURS = re.compile(r"(?:afsr|tfe_image|tfe_error|tfe)_(?:(stem)|stage(\d)([ab])_(1|2|shortcut))_(conv|bn)(?:_\d)?")
WIDTH, BLOCKS = 64, 2  # of ResNet-18


def begin_with_resnet18(
    detector: Detector,
    backbone: keras.Model,
    mean: Sequence[float] | None = MEAN,
    spread: Sequence[float] | None = SPREAD,
) -> int:
    """Copies a ResNet-18 onto AFSR's encoder, both streams and the trunk of TFE.

    The backbone sees (image / 255 - mean) / spread, the detector 2 * image / 255 - 1. The first convolution is scaled
    so that it gives the same, and the mean of its batch normalisation is moved. Only at the border, where both pad by
    zeros that mean another colour, does it differ. The error image's first convolution gets the same weights; where
    that image has six channels, each half of them.

    Args:
        detector: a detector of width 64 with two blocks a stage; its other layers stay as they are.
        backbone: `keras_hub.models.ResNetBackbone` in the form of ResNet-18, or a model whose layers have its names.
        mean, spread: of the colours that the backbone was trained on; None for a backbone that sees images in [-1, 1].

    Returns:
        The number of layers that were copied.

    Raises:
        ValueError: another width or number of blocks, or the backbone is no ResNet-18.
    """
    options = {name: detector.options[name] for name in ("width", "blocks")}
    if options != {"width": WIDTH, "blocks": BLOCKS}:
        raise ValueError(f"ResNet-18 has width={WIDTH} and blocks={BLOCKS}; the detector has {options}.")
    copied = 0
    for layer in detector.layers:
        found = OURS.fullmatch(layer.name)
        if not found:
            continue
        stem, stage, letter, number, kind = found.groups()
        name = f"conv1_{kind}" if stem else f"stack{int(stage) - 1}_block{'ab'.index(letter)}_{_number(number)}_{kind}"
        try:
            theirs = [np.asarray(value) for value in backbone.get_layer(name).weights]
        except ValueError as error:
            raise ValueError(f"the backbone has no layer {name}: it is no ResNet-18 of keras-hub") from error
        if stem and mean is not None:
            kernel = np.asarray(backbone.get_layer("conv1_conv").weights[0])
            theirs = _seen_from_minus_one_to_one(theirs, kernel, np.array(mean), np.array(spread), kind)
        _copy(layer, theirs, name)
        copied += 1
    return copied


def _number(number: str) -> str:
    return "0" if number == "shortcut" else number


def _seen_from_minus_one_to_one(
    theirs: list[np.ndarray], kernel: np.ndarray, mean: np.ndarray, spread: np.ndarray, kind: str
) -> list[np.ndarray]:
    """The first convolution, or its batch normalisation, for images x in [-1, 1]: (x / 2 + 1 / 2 - mean) / spread."""
    if kind == "conv":
        return [kernel * (0.5 / spread)[None, None, :, None]]
    gamma, beta, moving_mean, variance = theirs
    return [gamma, beta, moving_mean - (kernel * ((0.5 - mean) / spread)[None, None, :, None]).sum((0, 1, 2)), variance]


def _copy(layer: keras.layers.Layer, theirs: list[np.ndarray], name: str) -> None:
    if isinstance(layer, FusedBatchNormalization):
        mine = [layer.gamma, layer.beta, layer.moving_mean, layer.moving_variance]
    else:
        mine = [layer.kernel]
        repeats = layer.kernel.shape[2] // theirs[0].shape[2]
        if theirs[0].shape[2] == 3 and repeats > 1:
            theirs = [np.concatenate([theirs[0]] * repeats, axis=2) / repeats]
    if [tuple(variable.shape) for variable in mine] != [value.shape for value in theirs]:
        raise ValueError(f"the layer {name} of the backbone has another shape: it is no ResNet-18")
    for variable, value in zip(mine, theirs, strict=True):
        variable.assign(value)
