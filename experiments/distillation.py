"""A teacher, a finished run that sees the faces at their best quality, and whose answers a training run also learns."""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf

from experiments import data, runs
from experiments.config import TrainConfig
from records.errors import DataError
from tfafsr import TEACHER


def teacher(config: TrainConfig, student: keras.Model) -> keras.Model | None:
    """The network of `--distil` as it is deployed; None without that option.

    Args:
        config: the options of the run.
        student: the model that learns.

    Raises:
        DataError: the run is not finished, or it reads faces of another size, or either reads bursts.
    """
    if config.distil is None:
        return None
    found = runs.load_detector(Path(config.distil))
    if data.burst_of(student) > 1 or data.burst_of(found) > 1:
        raise DataError("--distil does not fit a method that reads neighbouring frames; leave it out.")
    sizes = [data.input_size(one) for one in (student, found)]
    if sizes[0] != sizes[1]:
        raise DataError(
            f"--distil: {config.distil} reads faces of {sizes[1]} pixels, this run {sizes[0]}; give --size."
        )
    network = found.deployed()
    network.trainable = False
    return network


def with_answers(batches: tf.data.Dataset, network: keras.Model) -> tf.data.Dataset:
    """Adds the teacher's probability for the target to the supervision of batches (x, y).

    Args:
        batches: y holds the field `keypoints` beside the supervision; it is taken out.
        network: as `teacher` gives it.
    """

    def answered(x: dict, y: dict) -> tuple[dict, dict]:
        inputs = {"frame": y["target"], "keypoints": y["keypoints"]}
        known = {name: inputs[name] for name in network.input}
        probability = network(known, training=False)["probability"][:, 0]
        rest = {name: value for name, value in y.items() if name != "keypoints"}
        return x, {**rest, TEACHER: tf.stop_gradient(probability)}

    return batches.map(answered)
