"""Reads records as batches for training, validation and scoring."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments.config import TrainConfig
from records import shards
from records.errors import DataError
from records.places import place
from tfafsr import SUPERVISION, augmentation, degradation
from tfafsr.self_blending import self_blend

MADE = 1 << 40  # added to the seed of the fakes that are made while reading, which no other random change shares
IDENTITY = ("video", "method", "label", "frame_index")
AUGMENTATIONS = {
    "none": (),
    "flip": (augmentation.random_flip,),
    "strong": (augmentation.random_flip, augmentation.random_jitter),
}


def input_names(model: keras.Model) -> tuple[str, ...]:
    """The names of the model's inputs, which are names of the records' fields."""
    return tuple(model.input) if isinstance(model.input, dict) else tuple(tensor.name for tensor in model.inputs)


def input_size(model: keras.Model) -> int:
    """Side of the square faces that `model` takes, in pixels."""
    return int(model.input["frame"].shape[-2])


def burst_of(model: keras.Model) -> int:
    """Number of neighbouring frames that `model` reads together."""
    return getattr(model, "BURST", 1)


def methods_held(config: TrainConfig, split: str) -> set[str]:
    """The manipulation methods in the records of a run, at its compressions, also those that it leaves out."""
    counts = [shards.Manifest.load(place(folder)).counts.get(split, {}) for folder in config.records]
    held = {method for one in counts for compression in config.compressions for method in one.get(compression, {})}
    return held - {shards.REAL}


def steps_per_epoch(config: TrainConfig, burst: int = 1) -> tuple[int, int]:
    """Number of full batches in an epoch, and the batch size (at most the number of faces, or of bursts)."""
    folders = [place(folder) for folder in config.records]
    faces = max(1, shards.count(folders, "train", config.compressions, config.without) // burst)
    batch = min(config.schedule.batch_size, faces)
    steps = faces // batch
    return steps if config.steps is None else min(steps, config.steps), batch


@dataclasses.dataclass(frozen=True)
class Part:
    """Which part of each batch a process reads, and in how many pieces.

    Attributes:
        share: its share of an epoch.
        replicas: number of replicas of all processes together; each takes an equal piece of the batch.
    """

    share: shards.Share = shards.WHOLE
    replicas: int = 1

    @property
    def own_replicas(self) -> int:
        """Number of replicas of this process."""
        return self.replicas // self.share.workers


WHOLE = Part()


def training_epoch(
    config: TrainConfig, model: keras.Model, epoch: int, extra: Sequence[str] = (), part: Part = WHOLE
) -> tf.data.Dataset:
    """The batches (x, y) of one epoch: x has the model's inputs, y the supervision and the `extra` fields.

    The order of the faces and their random changes depend on the seed, the number of shares and the epoch alone. With
    several replicas each element is the piece of one replica.
    """
    inputs, negatives = input_names(model), getattr(model, "NEGATIVES", None)
    burst = burst_of(model)
    steps, batch = steps_per_epoch(config, burst)
    faces = shards.read_training(
        [place(folder) for folder in config.records],
        split="train",
        compressions=config.compressions,
        seed=config.seed,
        epoch=epoch,
        balanced=config.balanced,
        size=input_size(model),
        fields=_fields((*inputs, *extra, "keypoints") if config.self_blend or negatives else (*inputs, *extra)),
        without=config.without,
        burst=burst,
        share=part.share,
    )
    if negatives:
        faces = _with_made(faces, config, epoch, negatives, 1.0, part)
    elif config.self_blend:
        faces = _with_made(faces, config, epoch, self_blend, config.self_blend, part)
    changes = list(AUGMENTATIONS[config.augment])
    if config.degrade:
        changes.append(functools.partial(degradation.random_degradation, share=config.degrade))
    if changes:

        def changed(index: tf.Tensor, fields: dict) -> dict:
            together = 2 if config.balanced else 1  # neighbours that are always of one share
            index = part.share.position(index // together) * together + index % together
            for number, change in enumerate(changes):
                seed = tf.stack([config.seed + (number << 32), (epoch << 32) + index])
                fields = change(fields, seed) if burst == 1 else _on_each_frame(change, fields, seed, burst)
            return fields

        faces = faces.enumerate().map(changed, num_parallel_calls=shards.PARALLEL_CALLS, deterministic=True)
    pieces = steps * part.own_replicas
    batches = faces.batch(batch // part.replicas, drop_remainder=True).take(pieces)
    return _of_length(pieces, batches.map(lambda fields: _split(fields, inputs, burst, extra)).prefetch(2))


def _on_each_frame(change: Callable[[dict, tf.Tensor], dict], fields: dict, seed: tf.Tensor, burst: int) -> dict:
    """The same random change of all frames of a burst."""
    frames = [change({name: value[index] for name, value in fields.items()}, seed) for index in range(burst)]
    return {name: tf.stack([frame[name] for frame in frames]) for name in fields}


def _with_made(
    faces: tf.data.Dataset,
    config: TrainConfig,
    epoch: int,
    make: Callable[[dict, tf.Tensor], dict],
    share: float,
    part: Part,
) -> tf.data.Dataset:
    """Replaces a share of the fakes by what is made of the real face before them; real and fake alternate."""

    def blended(index: tf.Tensor, pair: dict) -> dict:
        real, fake = ({name: value[number] for name, value in pair.items()} for number in (0, 1))
        seed = tf.stack([config.seed + MADE, (epoch << 32) + part.share.position(index)])
        replaced = tf.random.stateless_uniform([], seed) < share
        fake = tf.cond(replaced, lambda: make(real, seed), lambda: fake)
        return {name: tf.stack([real[name], fake[name]]) for name in pair}

    pairs = faces.batch(2, drop_remainder=True).enumerate()
    return pairs.map(blended, num_parallel_calls=shards.PARALLEL_CALLS, deterministic=True).unbatch()


def validation(config: TrainConfig, model: keras.Model, split: str = "val", part: Part = WHOLE) -> tf.data.Dataset:
    """The batches (x, y) of the validation split, always in one order: folder by folder, compression by compression.

    With several replicas each element is the piece of one replica; the others' faces are not decoded.
    """
    inputs, batch, burst = input_names(model), config.schedule.batch_size, burst_of(model)
    faces_at = {
        (folder, split, compression): shards.count(folder, split, compression, config.without)
        for folder in map(place, config.records)
        for compression in shards.held(folder, split, config.compressions)
    }
    numbers = {where: number for where, number in faces_at.items() if number}
    if burst > 1:
        numbers = {where: shards.count_bursts(*where, burst, config.without) for where in numbers}
    workers, piece = part.share.workers, batch // part.replicas
    own = np.arange(sum(numbers.values())) % batch // (batch // workers) == part.share.worker
    options = {"size": input_size(model), "fields": _fields(inputs), "without": config.without, "burst": burst}
    faces = functools.reduce(
        tf.data.Dataset.concatenate,
        [
            shards.read(*where, **options, chosen=None if workers == 1 else chosen)
            for where, chosen in zip(numbers, np.split(own, np.cumsum([*numbers.values()])[:-1]), strict=True)
        ],
    )
    batches = faces.batch(piece).map(lambda fields: _split(fields, inputs, burst)).prefetch(2)
    return _of_length(-(-int(own.sum()) // piece), batches)


def scoring_batches(
    folder: Path,
    split: str,
    compression: str,
    model: keras.Model,
    batch_size: int = 32,
    extra: Iterable[str] = (),
    batches: range | None = None,
) -> Iterator[tuple[dict[str, np.ndarray], dict[str, np.ndarray]]]:
    """Batches (inputs of the model, other fields) of one split and compression, as NumPy arrays.

    Args:
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.
        model: its inputs decide which fields are read, and the size of the faces.
        batch_size: faces in a batch; the last batch may be smaller.
        extra: names of further fields, next to those that identify a face (video, method, label, frame_index).
        batches: the numbers of the batches to read, one after the other; the records before them are not decoded, and
            those behind them are not read. All by default.

    Yields:
        Arrays of shape (B, ...); for a model that reads bursts (B, n, ...), and the other fields hold `present` (B, n).

    Raises:
        DataError: no such records, split or compression, a damaged shard, or a face of a video that the manifest does
            not list.
    """
    folder = place(folder)
    listed = {video.encode() for video, clip in shards.Manifest.load(folder).clips.items() if clip.split == split}
    inputs = input_names(model)
    others = {*IDENTITY, *extra}
    faces = shards.read(
        *(folder, split, compression),
        size=input_size(model),
        fields=(*dict.fromkeys((*inputs, *others)),),
        burst=burst_of(model),
        chosen=None if batches is None else np.arange(batches.stop * batch_size) >= batches.start * batch_size,
    )
    if burst_of(model) > 1:
        others.add(shards.PRESENT)
    with shards.naming_the_shard(folder):
        for fields in faces.batch(batch_size).prefetch(2).as_numpy_iterator():
            if unknown := set(fields["video"].ravel()) - listed:
                raise DataError(
                    f"{folder} holds faces of {min(unknown).decode()} in the split {split!r}, which its manifest does "
                    "not list there; build the records again."
                )
            yield {name: fields[name] for name in inputs}, {name: fields[name] for name in others}


def _of_length(batches: int, dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Sets the number of batches, which tf.data cannot know before it has read the files, and which Keras asks for."""
    return dataset.apply(tf.data.experimental.assert_cardinality(batches))


def _fields(inputs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*inputs, *SUPERVISION)))


def _split(
    fields: dict[str, tf.Tensor], inputs: tuple[str, ...], burst: int, extra: Sequence[str] = ()
) -> tuple[dict, dict]:
    """(x, y); the supervision of a burst is that of its first frame."""
    supervision = {name: fields[name] if burst == 1 else fields[name][:, 0] for name in (*SUPERVISION, *extra)}
    return {name: fields[name] for name in inputs}, supervision
