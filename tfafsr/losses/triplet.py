"""Triplet losses on q: examples of one class must be closer to each other than to the other class, by a margin.

Names and semantics are those of tensorflow-addons 0.23's TripletSemiHardLoss and TripletHardLoss with Euclidean
distance; `make parity` compares values and gradients with that package. Three differences:

- Anchors without a positive or without a negative are not counted, and a batch without a valid triplet has loss 0. In
  tensorflow-addons, a batch of one example gives NaN and a batch of one class a loss although it has no triplet.
- Distances are computed from differences instead of |a|^2 + |b|^2 - 2ab, which loses half the digits of a short
  distance (almost all with TF32 matrix products). Two equal embeddings have distance 0 and gradient 0.
- Embeddings are L2-normalised here unless `normalize=False`; tensorflow-addons leaves that to the caller.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import KerasTensor, ops

NEVER = float("inf")  # the distance that keeps an example from being chosen as the nearest


def triplet_semihard_loss(
    labels: KerasTensor, embeddings: KerasTensor, margin: float = 0.5, normalize: bool = True
) -> KerasTensor:
    """Mean of max(D_ap - D_an + margin, 0) over pairs (a, p), n being their semi-hard negative (FaceNet, Schroff 2015).

    The semi-hard negative is the nearest one that is farther from the anchor than the positive; if there is none, the
    farthest negative.

    Args:
        labels: (B,) or (B, 1), the class of each example, any dtype.
        embeddings: (B, C), any float dtype.
        margin: minimum of D_an - D_ap at which the loss is 0; normalised embeddings are at most 2 apart.
        normalize: scale each embedding to length 1 first.

    Returns:
        float32 scalar; 0 where the batch holds no triplet.
    """
    # Distances, and which pairs are of one class.
    distances = pairwise_distances(embeddings, normalize)  # (B, B)
    positives, negatives = _pairs(labels)

    # Mining: for each pair (a, p) the nearest negative of a beyond p, else its farthest negative.
    beyond = negatives[:, None, :] & (
        distances[:, None, :] > distances[:, :, None]
    )  # (B, B, B): anchor, positive, negative
    outside = ops.min(ops.where(beyond, distances[:, None, :], NEVER), axis=2)
    farthest = ops.max(ops.where(negatives, distances, 0.0), axis=1)
    semi_hard = ops.where(ops.any(beyond, axis=2), outside, farthest[:, None])

    # Loss.
    valid = positives & ops.any(negatives, axis=1)[:, None]
    return _mean_of_valid(ops.relu(distances - semi_hard + margin), valid)


def triplet_hard_loss(
    labels: KerasTensor, embeddings: KerasTensor, margin: float = 0.5, normalize: bool = True
) -> KerasTensor:
    """Mean over a of max(D_ap - D_an + margin, 0), p the farthest positive, n the nearest negative (Hermans 2017).

    Arguments and result as of `triplet_semihard_loss`.
    """
    # Distances, and which pairs are of one class.
    distances = pairwise_distances(embeddings, normalize)  # (B, B)
    positives, negatives = _pairs(labels)

    # Mining: for each anchor the farthest positive and the nearest negative.
    hard_positive = ops.max(ops.where(positives, distances, 0.0), axis=1)  # (B,)
    hard_negative = ops.min(ops.where(negatives, distances, NEVER), axis=1)

    # Loss.
    valid = ops.any(positives, axis=1) & ops.any(negatives, axis=1)
    return _mean_of_valid(ops.relu(hard_positive - hard_negative + margin), valid)


def pairwise_distances(embeddings: KerasTensor, normalize: bool = True) -> KerasTensor:
    """Euclidean distances between all rows.

    Args:
        embeddings: (B, C), any float dtype.
        normalize: scale each row to length 1 first.

    Returns:
        float32 (B, B), 0 where two rows are equal (and there the gradient is 0, not the square root's infinite one).
    """
    embeddings = ops.cast(embeddings, "float32")
    if normalize:
        length = ops.sum(ops.square(embeddings), axis=1, keepdims=True)
        embeddings = embeddings * ops.rsqrt(ops.maximum(length, 1e-12))
    squared = ops.sum(ops.square(embeddings[:, None, :] - embeddings[None, :, :]), axis=2)
    apart = squared > 0
    return ops.where(apart, ops.sqrt(ops.where(apart, squared, 1.0)), 0.0)


class _TripletLoss(keras.Loss):
    """Base class of the two Keras losses: holds the margin and `normalize`, and calls the loss function."""

    function: Callable[..., KerasTensor]

    def __init__(
        self, margin: float = 0.5, normalize: bool = True, name: str | None = None, reduction: str = "mean", dtype=None
    ):
        super().__init__(name=name, reduction=reduction, dtype=dtype)
        if margin < 0:
            raise ValueError(f"margin must not be negative; received {margin}.")
        self.margin = margin
        self.normalize = normalize

    def call(self, y_true: KerasTensor, y_pred: KerasTensor) -> KerasTensor:
        """The loss of the whole batch, a float32 scalar; a triplet has three examples, so there is no loss for each."""
        return type(self).function(y_true, y_pred, self.margin, self.normalize)

    def get_config(self) -> dict:
        return {**super().get_config(), "margin": self.margin, "normalize": self.normalize}


@keras.saving.register_keras_serializable(package="tfafsr")
class TripletSemiHardLoss(_TripletLoss):
    """`triplet_semihard_loss` as a Keras loss: `y_true` holds labels (B,), `y_pred` embeddings (B, C)."""

    function = staticmethod(triplet_semihard_loss)


@keras.saving.register_keras_serializable(package="tfafsr")
class TripletHardLoss(_TripletLoss):
    """`triplet_hard_loss` as a Keras loss: `y_true` holds labels (B,), `y_pred` embeddings (B, C)."""

    function = staticmethod(triplet_hard_loss)


def _pairs(labels: KerasTensor) -> tuple[KerasTensor, KerasTensor]:
    """Which pairs are positives and which negatives: bool (B, B) each, no example being its own positive."""
    labels = ops.reshape(labels, (-1,))
    index = ops.arange(ops.shape(labels)[0])
    same = labels[:, None] == labels[None, :]
    return same & (index[:, None] != index[None, :]), ops.logical_not(same)


def _mean_of_valid(losses: KerasTensor, valid: KerasTensor) -> KerasTensor:
    count = ops.sum(ops.cast(valid, "float32"))
    return ops.sum(ops.where(valid, losses, 0.0)) / ops.maximum(count, 1.0)
