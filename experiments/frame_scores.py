"""What a model says of every face of a split, and how much AFSR restores of it; in one process or in several."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments import data, runs
from experiments.scoring import Scores
from records.building import in_processes
from records.errors import DataError
from records.progress import progress
from records.shards import PRESENT, count, count_bursts
from tfafsr import Classifier, degradation, restoration

BATCH = 32
RESTORED = ("target", "mask", "target_known", "mask_known")  # fields that the restoration gains need


@dataclasses.dataclass(frozen=True)
class Scored:
    """What the model says of every face of a split at one compression.

    Attributes:
        frames: the scores.
        logits: the logits, which calibration makes the scores of, float64 (N,).
        gains: name of the restoration gain -> its value for each face, float64 (N,), NaN where it does not count; see
            `tfafsr.restoration`. Without AFSR there are no gains.
        at_side: side in pixels -> the scores of the same faces when they are shrunk to it and enlarged again.
    """

    frames: Scores
    logits: np.ndarray
    gains: dict[str, np.ndarray]
    at_side: dict[int, Scores]


def score_frames(
    model: Classifier,
    folder: Path,
    split: str,
    compression: str,
    sides: Sequence[int] = (),
    workers: int = 1,
    run: Path | None = None,
) -> Scored:
    """Scores every face of a split, and measures how much AFSR restores of it.

    Args:
        model: the trained model.
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.
        sides: sides in pixels, at which each face is scored, too; see `tfafsr.degradation.at_side`.
        workers: number of processes; with more than 1 each loads `run` and scores a part of the batches.
        run: from where `runs.load_detector` has loaded the model; needed with several workers.

    Raises:
        DataError: no such faces, a damaged shard, a score that is not finite, a side larger than the model's faces, or
            a worker process died twice.
    """
    size = data.input_size(model)
    if too_large := [side for side in sides if side > size]:
        raise DataError(
            f"A face cannot be shrunk to {too_large[0]} pixels: the model takes faces of {size}; give smaller sizes."
        )
    if workers == 1:
        batches = -(-count([folder], split, compression) // BATCH)  # with bursts fewer
        joined = _columns(model, folder, split, compression, sides, range(batches), every=True)
    else:
        joined = _in_processes(run, folder, split, compression, sides, workers, data.burst_of(model))
    for name in ("score", *(f"score at {side}" for side in sides)):
        if unusable := int((~np.isfinite(joined[name])).sum()):
            raise DataError(f"{unusable} of {len(joined[name])} faces got no finite score from the model; train again.")
    videos = np.char.decode(joined["video"].astype("S"), "utf-8")
    scores = Scores(
        ids=np.array([f"{video}#{index}" for video, index in zip(videos, joined["frame_index"], strict=True)]),
        videos=videos,
        methods=np.char.decode(joined["method"].astype("S"), "utf-8"),
        labels=joined["label"].astype(np.int64),
        values=joined["score"].astype(np.float64),
    )
    return Scored(
        frames=scores,
        logits=joined["logit"].astype(np.float64),
        gains={name: joined[name].astype(np.float64) for name in restoration.GAINS if model.restores},
        at_side={
            side: dataclasses.replace(scores, values=joined[f"score at {side}"].astype(np.float64)) for side in sides
        },
    )


def leave_gpus_to_workers() -> None:
    """Keeps this process from taking the memory of all GPUs, of which the processes that score then find none."""
    with contextlib.suppress(RuntimeError):  # TensorFlow has taken it already
        tf.config.set_visible_devices([], "GPU")


def _in_processes(
    run: Path, folder: Path, split: str, compression: str, sides: Sequence[int], workers: int, burst: int
) -> dict[str, np.ndarray]:
    """The columns of all batches, each process computing as many neighbouring ones as any other."""
    elements = count([folder], split, compression) if burst == 1 else count_bursts(folder, split, compression, burst)
    batches = -(-elements // BATCH)
    workers = min(workers, batches)
    ends = [batches * number // workers for number in range(workers + 1)]
    tasks = [
        (number, run, folder, split, compression, sides, range(ends[number], ends[number + 1]))
        for number in range(workers)
    ]
    with contextlib.closing(in_processes(_part, tasks, workers, tasks_a_process=1)) as results:
        parts = dict(results)
    return {name: np.concatenate([parts[number][name] for number in range(workers)]) for name in parts[0]}


def _part(
    number: int, run: Path, folder: Path, split: str, compression: str, sides: Sequence[int], batches: range
) -> tuple[int, dict[str, np.ndarray]]:
    """The columns of some batches, computed in a process of its own; the first process shows its progress."""
    gpus = tf.config.list_physical_devices("GPU")
    if gpus:
        own = gpus[number % len(gpus)]
        tf.config.set_visible_devices(own, "GPU")
        tf.config.experimental.set_memory_growth(own, True)
    return number, _columns(runs.load_detector(run), folder, split, compression, sides, batches, quiet=number > 0)


def _columns(
    model: Classifier,
    folder: Path,
    split: str,
    compression: str,
    sides: Sequence[int],
    batches: range,
    every: bool = False,
    quiet: bool = False,
) -> dict[str, np.ndarray]:
    """What is found of the faces of some batches, in the order of reading: name -> (N,).

    Args:
        model, folder, split, compression, sides: as of `score_frames`.
        batches: the numbers of the batches.
        every: whether these are all batches.
        quiet: whether to show no progress.
    """
    names = restoration.GAINS if model.restores else ()

    @functools.partial(tf.function, reduce_retracing=True)
    def answer(inputs: dict) -> dict:  # in a graph of its own, which is traced once for all sides
        outputs = model(inputs, training=False)
        found = {"score": outputs["probability"][:, 0], "logit": outputs["logit"][:, 0]}
        return found | {name: outputs[name] for name in ("reconstruction",) if names}

    @functools.partial(tf.function, reduce_retracing=True)
    def gained(frame: tf.Tensor, reconstruction: tf.Tensor, supervision: dict) -> dict:
        gains = restoration.restoration_gains(frame, reconstruction, **supervision)
        return {name: tf.where(weight > 0, value, np.nan) for name, (value, weight) in gains.items()}

    @functools.partial(tf.function, reduce_retracing=True)
    def shrunk(inputs: dict, side: int) -> dict:
        return _at_side(model, inputs, side)

    def measure(inputs: dict, supervision: dict) -> dict:
        inputs = {name: tf.convert_to_tensor(value) for name, value in inputs.items()}
        found = answer(inputs)
        if names:
            found |= gained(inputs["frame"], found.pop("reconstruction"), supervision)
        return found | {f"score at {side}": answer(shrunk(inputs, side))["score"] for side in sides}

    read: Iterator = data.scoring_batches(
        *(folder, split, compression, model, BATCH),
        extra=RESTORED if names else (),
        batches=None if every else batches,
    )
    if not quiet:
        read = progress(read, len(batches), f"scoring {split} {compression}" + ("" if every else ", first worker"))
    columns: dict[str, list[np.ndarray]] = {name: [] for name in data.IDENTITY}
    for inputs, fields in read:
        found = measure(inputs, {name: fields[name] for name in RESTORED if names})
        present = fields.get(PRESENT)
        for name in data.IDENTITY:
            columns[name].append(fields[name] if present is None else fields[name][present])
        for name, values in found.items():
            values = values.numpy()  # those of a burst count for each of its frames
            columns.setdefault(name, []).append(values if present is None else np.repeat(values, present.sum(axis=1)))
    return {name: np.concatenate(parts) for name, parts in columns.items()}


def _at_side(model: Classifier, inputs: dict, side: int) -> dict:
    """The model's inputs of faces that are shrunk to a side and enlarged again."""
    if data.burst_of(model) == 1:
        quality = {"ela_quality": model.options["ela_quality"]} if "ela" in inputs else {}
        return degradation.at_side(inputs, side, **quality)
    flat = {name: tf.reshape(value, (-1, *value.shape[2:])) for name, value in inputs.items()}
    smaller = degradation.at_side(flat, side)
    return {name: tf.reshape(smaller[name], tf.shape(value)) for name, value in inputs.items()}
