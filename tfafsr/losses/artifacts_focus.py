"""AFSR's two losses: the error of the reconstruction on the whole face and on its manipulated part.

    L_AFSR = mean |M * I^h - M * I^r|^2 + lambda_1 * mean |I^h - I^r|^2,    lambda_1 = 0.5          (Eq. 1 and 2)

The paper prints I^l where the reconstruction belongs; with I^l the losses would have no gradient, so I^r is used. The
paper prints sums; means over pixels and channels are used here, so that the weights do not depend on the image size.

Both means run over the whole image: the first is the part of the second that lies inside the mask, and 0 for a real
face.
"""

from __future__ import annotations

import keras
from keras import KerasTensor, ops

from tfafsr import replicas


def reconstruction_loss(
    target: KerasTensor, reconstruction: KerasTensor, known: KerasTensor | None = None
) -> KerasTensor:
    """The mean squared difference between I^h and I^r.

    Args:
        target: I^h, (B, H, W, C) in [-1, 1], any float dtype.
        reconstruction: I^r, the same shape and range.
        known: (B,), 1 where the target is known; the others do not count. All count by default.

    Returns:
        float32 scalar; 0 where no target is known.
    """
    return mean_of_known(_squared_error(target, reconstruction), known)


def artifact_loss(
    target: KerasTensor, reconstruction: KerasTensor, mask: KerasTensor, known: KerasTensor | None = None
) -> KerasTensor:
    """The mean squared difference between M * I^h and M * I^r.

    Args:
        target: I^h, (B, H, W, C) in [-1, 1], any float dtype.
        reconstruction: I^r, the same shape and range.
        mask: M, (B, H, W, 1), 1 where the face was manipulated, else 0.
        known: (B,), 1 where both target and mask are known; the others do not count. All count by default.

    Returns:
        float32 scalar; 0 where none is known.
    """
    return mean_of_known(_masked_squared_error(target, reconstruction, mask), known)


@keras.saving.register_keras_serializable(package="tfafsr")
class ReconstructionLoss(keras.Loss):
    """`reconstruction_loss` as a Keras loss: `y_true` is the target; `sample_weight` is 1 where it is known."""

    def __init__(self, name: str = "reconstruction_loss", reduction: str = "mean_with_sample_weight", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """The mean squared error of each example, float32 (B,)."""
        return _squared_error(y_true, y_pred)


@keras.saving.register_keras_serializable(package="tfafsr")
class ArtifactLoss(keras.Loss):
    """`artifact_loss` as a Keras loss: `y_true` is {"target", "mask"}; `sample_weight` is 1 where both are known."""

    def __init__(self, name: str = "artifact_loss", reduction: str = "mean_with_sample_weight", dtype=None):
        super().__init__(name=name, reduction=reduction, dtype=dtype)

    def call(self, y_true: dict[str, KerasTensor], y_pred: KerasTensor) -> KerasTensor:
        """The mean squared error of each example inside its mask, float32 (B,)."""
        return _masked_squared_error(y_true["target"], y_pred, y_true["mask"])


def _squared_error(target: KerasTensor, reconstruction: KerasTensor) -> KerasTensor:
    difference = ops.cast(target, "float32") - ops.cast(reconstruction, "float32")
    return ops.mean(ops.square(difference), axis=(1, 2, 3))  # (B,)


def _masked_squared_error(target: KerasTensor, reconstruction: KerasTensor, mask: KerasTensor) -> KerasTensor:
    mask = ops.cast(mask, "float32")
    return _squared_error(mask * ops.cast(target, "float32"), mask * ops.cast(reconstruction, "float32"))


def mean_of_known(losses: KerasTensor, known: KerasTensor | None) -> KerasTensor:
    """The mean of the losses, (B,), where `known` is 1; of all by default, and 0 where none is known.

    With several replicas of `tf.distribute` the mean of what they get is that over the global batch.
    """
    known = ops.ones_like(losses) if known is None else ops.cast(known, "float32")
    return replicas.count() * ops.sum(losses * known) / ops.maximum(replicas.total(ops.sum(known)), 1.0)
