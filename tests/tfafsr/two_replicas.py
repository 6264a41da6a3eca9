"""Run as a program: computes losses and batch statistics on two replicas and on one, and prints the differences.

TensorFlow's logical devices must be made before it computes anything, so this is a process of its own.
"""

import contextlib
import json

import keras
import numpy as np
import tensorflow as tf

from tfafsr import replicas
from tfafsr.layers.batch_norm import FusedBatchNormalization
from tfafsr.losses import mean_of_known, triplet_hard_loss, triplet_semihard_loss

(CPU,) = tf.config.list_physical_devices("CPU")
tf.config.set_logical_device_configuration(CPU, [tf.config.LogicalDeviceConfiguration()] * 2)
RNG = np.random.default_rng(0)


STRATEGY = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def on_two(function, *batches):
    """The mean of `function` over two replicas, each with half of the batches, and its gradient for the first."""

    def pieces(value):
        halves = np.split(value, 2)
        return STRATEGY.experimental_distribute_values_from_function(
            lambda context: tf.constant(halves[context.replica_id_in_sync_group])
        )

    @tf.function
    def step(first, *others):
        def one(first, *others):
            with tf.GradientTape() as tape:
                tape.watch(first)
                loss = function(first, *others) / replicas.count()
            return loss, tape.gradient(loss, first)

        return STRATEGY.run(one, args=(first, *others))

    losses, gradients = step(*(pieces(value) for value in batches))
    own = STRATEGY.experimental_local_results
    return sum(float(loss) for loss in own(losses)), np.concatenate([part.numpy() for part in own(gradients)])


def on_one(function, *batches):
    """The same on one device."""
    first, *others = map(tf.constant, batches)
    with tf.GradientTape() as tape:
        tape.watch(first)
        loss = function(first, *others)
    return float(loss), tape.gradient(loss, first).numpy()


def difference(function, *batches):
    """How far the two are apart, relative to the values."""
    (loss, gradient), (expected, wanted) = on_two(function, *batches), on_one(function, *batches)
    assert np.abs(wanted).max() > 0
    return max(abs(loss - expected) / abs(expected), np.abs(gradient - wanted).max() / np.abs(wanted).max())


def normalization():
    """Differences of outputs, gradients and moving averages of batch normalization between two replicas and one."""
    images = RNG.normal(2.0, 3.0, (8, 4, 4, 3)).astype(np.float32)
    images[4:] += 5.0  # the replicas see different statistics
    weights = RNG.normal(size=images.shape).astype(np.float32)
    found, moved = [], []
    for where in (on_two, on_one):
        with STRATEGY.scope() if where is on_two else contextlib.nullcontext():
            layer = FusedBatchNormalization()
            layer.build(images.shape)

        def loss(images, weights, layer=layer):
            return mean_of_known(tf.reduce_mean(layer(images, training=True) * weights, axis=(1, 2, 3)), None)

        found.append(where(loss, images, weights))
        moved.append([keras.ops.convert_to_numpy(value) for value in (layer.moving_mean, layer.moving_variance)])
    (loss, gradient), (expected, wanted) = found
    return {
        "loss": abs(loss - expected) / abs(expected),
        "gradient": float(np.abs(gradient - wanted).max() / np.abs(wanted).max()),
        "moving": float(max(np.abs(one - other).max() for one, other in zip(*moved, strict=True))),
    }


def steps_left_out():
    """How often a replica or a variable decides otherwise than the others whether gradients are finite: never."""

    @tf.function
    def steps(factors):
        def one(factor):
            made = [tf.constant([1.0, 2.0]) * factor, tf.constant(3.0)]  # infinite on the second replica in one of two
            return replicas.finite_on_all(made)

        return STRATEGY.run(one, args=(factors,))

    wrong = 0
    for second, finite in ((1.0, True), (np.inf, False)):
        factors = STRATEGY.experimental_distribute_values_from_function(
            lambda context, second=second: tf.constant((1.0, second)[context.replica_id_in_sync_group])
        )
        for found in steps(factors):
            for part in STRATEGY.experimental_local_results(found):
                wrong += int(np.isfinite(part.numpy()).all() != finite)
    return wrong


if __name__ == "__main__":
    losses = RNG.random((8,)).astype(np.float32)
    known = np.array([1, 1, 1, 0, 0, 0, 0, 1], np.float32)
    embeddings, labels = RNG.normal(size=(8, 5)).astype(np.float32), np.array([0, 1] * 4)

    def triplets(function):
        return lambda rows, label: function(replicas.gathered(label), replicas.gathered(rows))

    print(
        json.dumps(
            {
                "mean": difference(lambda values: mean_of_known(values, None), losses),
                "mean of known": difference(mean_of_known, losses, known),
                "semi-hard triplets": difference(triplets(triplet_semihard_loss), embeddings, labels),
                "hard triplets": difference(triplets(triplet_hard_loss), embeddings, labels),
                "steps left out": steps_left_out(),
                **{f"normalization: {name}": value for name, value in normalization().items()},
            },
            default=float,
        )
    )
