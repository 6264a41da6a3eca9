"""Scores frames and videos of one split with a trained detector."""

from __future__ import annotations

import csv
import dataclasses
import functools
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from experiments import data
from records.errors import DataError
from records.progress import progress
from records.shards import PRESENT, count
from tfafsr import Classifier, calibration, degradation, metrics, restoration

BATCH = 32
THRESHOLD = 0.5  # neutral at even odds
RESTORED = ("target", "mask", "target_known", "mask_known")  # fields that the restoration gains need


@dataclasses.dataclass(frozen=True)
class Scores:
    """Scores of frames or of videos, as parallel arrays with one entry for each.

    Attributes:
        ids: frames: `video#frame_index`; videos: the video's id.
        videos: the id of the video, dataset/method/compression/clip.
        methods: `real` for originals.
        labels: 1 = manipulated.
        values: probability of manipulation in [0, 1].
    """

    ids: np.ndarray
    videos: np.ndarray
    methods: np.ndarray
    labels: np.ndarray
    values: np.ndarray

    def only(self, method: str) -> Scores:
        """The scores of one method's fakes and of all reals."""
        return self._where((self.methods == method) | (self.labels == 0))

    def among(self, fakes: Sequence[str]) -> Scores:
        """The scores of these manipulated videos and of all reals."""
        return self._where(np.isin(self.videos, fakes) | (self.labels == 0))

    def of(self, videos: Iterable[str]) -> Scores:
        """The scores of these videos alone."""
        return self._where(np.isin(self.videos, list(videos)))

    def _where(self, keep: np.ndarray) -> Scores:
        return Scores(*(getattr(self, field.name)[keep] for field in dataclasses.fields(self)))

    def save(self, path: Path, at_side: Mapping[int, Scores] | None = None) -> None:
        """Writes a CSV file with the columns id, label, method, score, and flushes it to the disk.

        Args:
            path: the file.
            at_side: side in pixels -> the scores of the same faces shrunk to it; each is a column `score_SIDE` more.
        """
        columns = {"id": self.ids, "label": self.labels, "method": self.methods, _column(None): self.values}
        columns |= {_column(side): smaller.values for side, smaller in (at_side or {}).items()}
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(columns)
            for row in zip(*columns.values(), strict=True):
                writer.writerow([row[0], int(row[1]), row[2], *(f"{value:.6f}" for value in row[3:])])
            file.flush()
            os.fsync(file.fileno())


def load_frames(path: Path, side: int | None = None) -> Scores:
    """The scores of frames that `Scores.save` wrote.

    Args:
        path: the file.
        side: that of the faces in pixels, one of those that were saved; None for the faces as they are.

    Raises:
        DataError: the file cannot be read, or holds something else.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = [
                (row["id"], row["method"], int(row["label"]), float(row[_column(side)])) for row in csv.DictReader(file)
            ]
        ids, methods, labels, values = (np.array(column) for column in zip(*rows, strict=True))
        if not np.isin(labels, (0, 1)).all() or not np.isfinite(values).all():
            raise ValueError("a label is neither 0 nor 1, or a score is not finite")
    except (OSError, KeyError, ValueError, TypeError, csv.Error) as error:
        raise DataError(f"{path} is not a score table of `tfafsr evaluate` ({error}); run evaluate again.") from error
    return Scores(ids, np.array([name.rpartition("#")[0] for name in ids]), methods, labels, values)


def _column(side: int | None) -> str:
    return "score" if side is None else f"score_{side}"


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


def score_frames(model: Classifier, folder: Path, split: str, compression: str, sides: Sequence[int] = ()) -> Scored:
    """Scores every face of a split, and measures how much AFSR restores of it.

    Args:
        model: the trained model.
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.
        sides: sides in pixels, at which each face is scored, too; see `tfafsr.degradation.at_side`.

    Raises:
        DataError: no such faces, a damaged shard, a score that is not finite, or a side larger than the model's faces.
    """
    size = data.input_size(model)
    if too_large := [side for side in sides if side > size]:
        raise DataError(
            f"A face cannot be shrunk to {too_large[0]} pixels: the model takes faces of {size}; give smaller sizes."
        )
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

    total = -(-count([folder], split, compression) // BATCH)
    batches = data.scoring_batches(folder, split, compression, model, BATCH, extra=RESTORED if names else ())
    columns: dict[str, list[np.ndarray]] = {name: [] for name in data.IDENTITY}
    for inputs, fields in progress(batches, total, f"scoring {split} {compression}"):
        found = measure(inputs, {name: fields[name] for name in RESTORED if names})
        present = fields.get(PRESENT)
        for name in data.IDENTITY:
            columns[name].append(fields[name] if present is None else fields[name][present])
        for name, values in found.items():
            values = values.numpy()  # those of a burst count for each of its frames
            columns.setdefault(name, []).append(values if present is None else np.repeat(values, present.sum(axis=1)))
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
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
        gains={name: joined[name].astype(np.float64) for name in names},
        at_side={
            side: dataclasses.replace(scores, values=joined[f"score at {side}"].astype(np.float64)) for side in sides
        },
    )


def _at_side(model: Classifier, inputs: dict, side: int) -> dict:
    """The model's inputs of faces that are shrunk to a side and enlarged again."""
    if data.burst_of(model) == 1:
        quality = {"ela_quality": model.options["ela_quality"]} if "ela" in inputs else {}
        return degradation.at_side(inputs, side, **quality)
    flat = {name: tf.reshape(value, (-1, *value.shape[2:])) for name, value in inputs.items()}
    smaller = degradation.at_side(flat, side)
    return {name: tf.reshape(smaller[name], tf.shape(value)) for name, value in inputs.items()}


def restored(gains: dict[str, np.ndarray], groups: np.ndarray) -> dict[str, dict]:
    """Mean, 95% interval and number of faces of each restoration gain; both None where no face counts.

    Args:
        gains: as `score_frames` gives them.
        groups: (N,), the clusters that the interval resamples.
    """
    found = {}
    for name, values in gains.items():
        counts = np.isfinite(values)
        mean = float(values[counts].mean()) if counts.any() else None
        interval = metrics.mean_interval(values[counts], groups[counts]) if counts.any() else None
        found[name] = {"mean": mean, "ci95": interval, "n": int(counts.sum())}
    return found


def score_videos(frames: Scores) -> Scores:
    """The mean frame score of each video."""
    videos, values, labels = metrics.video_scores(frames.videos, frames.values, frames.labels)
    method_of = dict(zip(frames.videos, frames.methods, strict=True))
    return Scores(videos, videos, np.array([method_of[video] for video in videos]), labels, values)


def summary(scores: Scores, component_of: dict[str, int]) -> dict:
    """AUC with its 95% interval, AP, EER and n; the interval resamples connected people, not frames.

    Args:
        scores: scores of frames or of videos.
        component_of: video id -> its cluster, as `connected` gives it.
    """
    groups = np.array([component_of[video] for video in scores.videos])
    return metrics.summary(scores.labels, scores.values, groups)


def connected(subjects: dict[str, Sequence[str]]) -> dict[str, int]:
    """Puts the videos that are linked by people into one component each.

    Two videos with a person in common are not independent, and a fake links its target and its source: of a pair that
    swaps faces, all clips hang together.

    Args:
        subjects: video id -> the identities in it.

    Returns:
        Video id -> number of its component, from 0 on.
    """
    number = {
        subject: index for index, subject in enumerate(sorted({one for named in subjects.values() for one in named}))
    }
    links = [(number[named[0]], number[other]) for named in subjects.values() for other in named]
    rows, columns = zip(*links, strict=True)
    graph = coo_matrix((np.ones(len(links)), (rows, columns)), shape=(len(number), len(number)))
    component = connected_components(graph, directed=False)[1]
    return {video: int(component[number[named[0]]]) for video, named in subjects.items()}


def errors(frames: Scores, videos: Scores, component_of: dict[str, int], threshold: float = THRESHOLD) -> dict:
    """False alarms and misses at a threshold, of frames and of videos.

    Args:
        frames, videos: the scores of both.
        component_of: video id -> its cluster, as `connected` gives it.
        threshold: of the probability; at or above it a face is called manipulated.

    Returns:
        {"threshold", "frame": {"false_alarms": the share of real ones that are called manipulated, "misses": the share
        of manipulated ones that are not}, "video": the same}; each share as `tfafsr.metrics.rate` gives it.
    """
    found: dict = {"threshold": threshold}
    for level, scores in (("frame", frames), ("video", videos)):
        groups = np.array([component_of[video] for video in scores.videos])
        called, real = scores.values >= threshold, scores.labels == 0
        found[level] = {
            "false_alarms": metrics.rate(called[real], groups[real]),
            "misses": metrics.rate(~called[~real], groups[~real]),
        }
    return found


def calibrated(scored: Scored, platt: calibration.Platt, component_of: dict[str, int]) -> dict:
    """Reliability and expected calibration error of the frames before and after calibration.

    Args:
        scored: the frames, of both classes.
        platt: the model's calibration.
        component_of: video id -> its cluster, as `connected` gives it.

    Returns:
        {"scale", "bias", "before": {"ece", "ece_ci95", "bins"}, "after": the same}, see
        `tfafsr.calibration.reliability`. The intervals resample connected people, None with one component.
    """
    frames = scored.frames
    groups = np.array([component_of[video] for video in frames.videos])
    found: dict = dataclasses.asdict(platt)
    for when, values in (("before", calibration.Platt().probability(scored.logits)), ("after", frames.values)):
        measured = calibration.reliability(frames.labels, values)
        interval = calibration.ece_interval(frames.labels, values, groups)
        found[when] = {"ece": measured["ece"], "ece_ci95": interval, "bins": measured["bins"]}
    return found


def methods_of(scores: Scores) -> list[str]:
    """The manipulation methods present, in alphabetical order."""
    return sorted(set(scores.methods[scores.labels == 1]))


def false_alarms(videos: Scores, notes: dict[str, dict], threshold: float = THRESHOLD) -> dict | None:
    """How many real videos with and without a decoy score above `threshold`; None if the data set has no decoys.

    Args:
        videos: scores of videos.
        notes: video id -> notes of the data set on it; `decoy` is the kind of its decoy, or None.
        threshold: threshold of the probability.
    """
    reals = [
        (notes[video].get("decoy"), value)
        for video, value, label in zip(videos.videos, videos.values, videos.labels, strict=True)
        if label == 0 and "decoy" in notes[video]
    ]
    if not reals:
        return None

    def share(values: Iterable[float]) -> dict:
        values = list(values)
        above = sum(value >= threshold for value in values)
        return {"videos": len(values), "false_alarms": int(above), "rate": above / len(values) if values else None}

    return {
        "threshold": threshold,
        "with_decoy": share(value for decoy, value in reals if decoy),
        "without_decoy": share(value for decoy, value in reals if not decoy),
    }
