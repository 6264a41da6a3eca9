"""Trains a network on seeded batches; killed at any moment, the same call goes on and ends with the same weights."""

from __future__ import annotations

import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from records.atomic import atomic_file
from records.forge.seeds import generator
from records.progress import progress

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

RATE = 2e-3
"""Adam's rate at the first step."""
SECONDS_BETWEEN_CHECKPOINTS = 20.0
WORTH_COMPILING = 120
"""From so many steps on, the step is compiled by XLA: it takes a third off each step, and ten seconds at first."""
Inputs = dict[str, np.ndarray]
Batch = tuple[Inputs, np.ndarray, np.ndarray]
"""The inputs; the wanted pictures, float32 (B, H, W, 3) in [0, 1]; the weight of their pixels, (B or 1, H, W, 1)."""


def train_network(
    network: keras.Model,
    batch: Callable[[np.random.Generator], Batch],
    steps: int,
    seed: int,
    checkpoint: Path,
    say: Callable[[str], None],
) -> None:
    """Trains `network` in place with Adam, whose rate falls from `RATE` to 0 as a half cosine.

    Weights, optimizer and step are written to `checkpoint` every `SECONDS_BETWEEN_CHECKPOINTS` and at the end. What
    is drawn for a step depends on the seed and the step alone. The network is trained on the CPU, where the same
    steps give the same bytes.

    Args:
        network: inputs -> pictures, float32 (B, H, W, 3).
        batch: draws one batch from a random generator.
        steps: number of steps of the whole training.
        seed: seed of the batches.
        checkpoint: a file; if it exists, the training goes on from it. If it is damaged or of another network or
            number of steps, the training starts again.
        say: prints one line of text.

    Raises:
        DataError: the checkpoint cannot be written.
    """
    import keras
    import tensorflow as tf

    title = network.name.replace("_", " ")
    with tf.device("/CPU:0"):
        optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(RATE, steps))
        optimizer.build(network.trainable_variables)
        variables = [*network.variables, *optimizer.variables]
        done = _restore(checkpoint, variables, steps, say)
        if done == steps:
            return
        if done:
            say(f"Resuming the training of the {title} after {done} of {steps} steps.")

        @tf.function(jit_compile=steps >= WORTH_COMPILING)
        def step(inputs: dict[str, tf.Tensor], wanted: tf.Tensor, weight: tf.Tensor) -> None:
            with tf.GradientTape() as tape:
                loss = picture_loss(network(inputs, training=True), wanted, weight)
            gradients = tape.gradient(loss, network.trainable_variables)
            optimizer.apply_gradients(zip(gradients, network.trainable_variables, strict=True))

        saved = time.monotonic()
        for number in progress(range(done, steps), steps - done, f"Training the {title}"):
            step(*_tensors(batch(generator(seed, network.name, number))))
            if number + 1 == steps or time.monotonic() - saved > SECONDS_BETWEEN_CHECKPOINTS:
                _save(checkpoint, variables, steps, number + 1)
                saved = time.monotonic()


def picture_loss(pictures: tf.Tensor, wanted: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Mean weighted |error| of the pixels, plus that of the differences between neighbouring pixels.

    The differences keep edges sharp: a blurred edge costs as much as one at a wrong place.
    """
    import tensorflow as tf

    error = pictures - wanted
    loss = tf.reduce_mean(weight * tf.abs(error))
    loss += tf.reduce_mean(weight[:, 1:] * tf.abs(error[:, 1:] - error[:, :-1]))
    return loss + tf.reduce_mean(weight[:, :, 1:] * tf.abs(error[:, :, 1:] - error[:, :, :-1]))


def _tensors(batch: Batch) -> Batch:
    import tensorflow as tf

    inputs, wanted, weight = batch
    return {name: tf.constant(value) for name, value in inputs.items()}, tf.constant(wanted), tf.constant(weight)


def _save(path: Path, variables: list, steps: int, done: int) -> None:
    arrays = {f"{index:04d}": variable.numpy() for index, variable in enumerate(variables)}
    with atomic_file(path) as temporary:
        np.savez(temporary, steps=steps, done=done, **arrays)


def _restore(path: Path, variables: list, steps: int, say: Callable[[str], None]) -> int:
    """Sets the variables to those of a checkpoint, and returns its number of finished steps; 0 without a usable one."""
    if not path.is_file():
        return 0
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            values = [content[f"{index:04d}"] for index in range(len(variables))]
            done, of = int(content["done"]), int(content["steps"])
        if of != steps or len(content.files) != len(values) + 2:
            raise ValueError("it belongs to another training")
        for variable, value in zip(variables, values, strict=True):
            if tuple(variable.shape) != value.shape:
                raise ValueError("it belongs to another network")
    except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        say(f"{path} cannot be used ({error}); the training starts again.")
        return 0
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return done
