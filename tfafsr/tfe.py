"""The Two-stream Feature Extractor: the restored face beside its error image, pooled around the key points."""

from __future__ import annotations

import math

import keras
from keras import layers

from tfafsr import resnet
from tfafsr.layers import FusionPooling, KeypointHeatmaps

POOLINGS = ("fp", "gap", "gmp")
FUSIONS = ("early", "late")
MIN_CELLS = 8  # a side of m_cnn
STEM_STRIDE = 4  # of the stem and its max-pool together


def strides(size: int) -> tuple[int, int, int]:
    """Strides of the last three stages, 2 or 1: starting with the last, set to 1 until m_cnn has at least 8x8 cells.

    A size of 225 keeps all three strides (m_cnn is 8x8), 128 loses the last, 64 and 96 lose the last two.
    """
    steps = [2, 2, 2]
    for index in (2, 1, 0):
        if -(-size // (STEM_STRIDE * steps[0] * steps[1] * steps[2])) >= MIN_CELLS:
            break
        steps[index] = 1
    return tuple(steps)


def cell_stride(size: int) -> int:
    """Pixels of the face between two neighbouring cells of m_cnn: cell i is centred on pixel i * stride."""
    return STEM_STRIDE * math.prod(strides(size))


def tfe(
    image: keras.KerasTensor,
    error: keras.KerasTensor,
    keypoints: keras.KerasTensor,
    width: int = 64,
    pooling: str = "fp",
    fusion: str = "early",
    blocks: int = 2,
) -> keras.KerasTensor:
    """Two streams of ResNet-18's first two blocks, a shared trunk of its last three, and pooling.

    Args:
        image: I^r, (B, S, S, 3) in [-1, 1].
        error: the error image, of the same shape and range.
        keypoints: (B, 5, 2) in [0, 1].
        width: filters of the first stage.
        pooling: see `pool`.
        fusion: `early`: the streams are added before the trunk. `late`: the trunk's convolutions run on each stream,
            each with its own batch normalization, and the streams are added after it.
        blocks: residual blocks in each stage: 2 is ResNet-18, 1 is ResNet-10.

    Returns:
        q, float32 (B, 8 * width).
    """
    return pool(features(image, error, width, fusion, blocks), keypoints, image.shape[1], pooling)


def features(
    image: keras.KerasTensor, error: keras.KerasTensor | None, width: int = 64, fusion: str = "early", blocks: int = 2
) -> keras.KerasTensor:
    """m_cnn, (B, H, W, 8 * width), of the streams and the trunk; arguments as of `tfe`, without `error` one stream."""
    if fusion not in FUSIONS:
        raise ValueError(f"fusion must be one of {', '.join(FUSIONS)}; received {fusion!r}.")

    # Two streams, or one.
    streams = []
    for name, x in (("image", image), *([] if error is None else [("error", error)])):
        x = resnet.stem([x], width, name=f"tfe_{name}_stem")
        x = resnet.max_pool(x, name=f"tfe_{name}_stem")
        streams += resnet.stage(x, width, 1, blocks, name=f"tfe_{name}_stage1")

    # One trunk.
    if fusion == "early" and len(streams) > 1:
        streams = [layers.Add(name="tfe_fusion")(streams)]
    for number, (factor, stride) in enumerate(zip((2, 4, 8), strides(image.shape[1]), strict=True), 2):
        streams = resnet.stage(streams, factor * width, stride, blocks, name=f"tfe_stage{number}")
    return streams[0] if len(streams) == 1 else layers.Add(name="tfe_fusion")(streams)


def pool(m_cnn: keras.KerasTensor, keypoints: keras.KerasTensor, size: int, pooling: str = "fp") -> keras.KerasTensor:
    """Pools the features of a face.

    Args:
        m_cnn: (B, H, W, C).
        keypoints: (B, 5, 2) in [0, 1].
        size: S, side of the face in pixels.
        pooling: `fp`: fusion pooling; `gap`, `gmp`: the mean or the maximum over the whole face (Table I's ablations).

    Returns:
        q, float32 (B, C).
    """
    if pooling not in POOLINGS:
        raise ValueError(f"pooling must be one of {', '.join(POOLINGS)}; received {pooling!r}.")
    if pooling == "gap":
        return layers.GlobalAveragePooling2D(dtype="float32", name="tfe_gap")(m_cnn)
    if pooling == "gmp":
        return layers.GlobalMaxPooling2D(dtype="float32", name="tfe_gmp")(m_cnn)
    m_kp = KeypointHeatmaps(size, cell_stride(size), name="tfe_heatmaps")(keypoints)  # (B, H, W, 5)
    return FusionPooling(name="tfe_fusion_pooling")([m_cnn, m_kp])
