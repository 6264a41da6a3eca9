"""Sums over the replicas of `tf.distribute`, so that a loss and a statistic are those of the global batch.

Outside of a strategy, and with one replica, each function gives back what it was given. A loss term that is the mean
over the global batch is written as `count() * (sum over own examples) / total(own number)`: the mean of that over the
replicas, which `Classifier` trains on, is the mean over all examples.
"""

from __future__ import annotations

import tensorflow as tf


def count() -> int:
    """Number of replicas that train together; 1 outside of them."""
    return tf.distribute.get_strategy().num_replicas_in_sync if _among_several() else 1


def total(value: tf.Tensor) -> tf.Tensor:
    """The sum of a tensor over the replicas, to each of them; gradients flow back to all of them."""
    if not _among_several():
        return value
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def gathered(value: tf.Tensor) -> tf.Tensor:
    """The rows of all replicas, (B, ...) each, below one another in one order on all; gradients flow back to all."""
    if not _among_several():
        return value
    return tf.distribute.get_replica_context().all_gather(value, axis=0)


def finite_on_all(gradients: list[tf.Tensor]) -> list[tf.Tensor]:
    """The gradients of this replica; NaN on every replica where one of any replica is infinite or NaN.

    An optimizer that scales the loss looks at the gradients of the first replica of a process before it adds up those
    of all, and leaves out the step if they are not finite. All must decide alike: those that step wait for the others.
    """
    if not _among_several():
        return gradients
    wrong = tf.reduce_any([tf.reduce_any(~tf.math.is_finite(one)) for one in gradients])
    anywhere = total(tf.cast(wrong, tf.float32)) > 0
    return [tf.where(anywhere, tf.constant(float("nan"), one.dtype), one) for one in gradients]


def _among_several() -> bool:
    context = tf.distribute.get_replica_context()  # None in the scope of a strategy
    return context is not None and context.num_replicas_in_sync > 1
