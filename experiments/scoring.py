"""Scores frames and videos of one split with a trained detector."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Iterable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments import data
from records.errors import DataError
from records.progress import progress
from records.shards import count
from tfafsr import metrics

BATCH = 32


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
        keep = (self.methods == method) | (self.labels == 0)
        return Scores(*(getattr(self, field.name)[keep] for field in dataclasses.fields(self)))

    def save(self, path: Path) -> None:
        """Writes a CSV file with the columns id, label, method, score, and flushes it to the disk."""
        with path.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["id", "label", "method", "score"])
            for row in zip(self.ids, self.labels, self.methods, self.values, strict=True):
                writer.writerow([row[0], int(row[1]), row[2], f"{row[3]:.6f}"])
            file.flush()
            os.fsync(file.fileno())


def score_frames(model: keras.Model, folder: Path, split: str, compression: str) -> Scores:
    """Scores every face of a split.

    Args:
        model: a Detector.
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.

    Raises:
        DataError: no such faces, a damaged shard, or a score that is not finite.
    """
    scorer = keras.Model(model.input, model.output["probability"])
    score = tf.function(lambda inputs: scorer(inputs, training=False), reduce_retracing=True)
    total = -(-count([folder], split, compression) // BATCH)
    batches = data.scoring_batches(folder, split, compression, model, BATCH)
    columns: dict[str, list[np.ndarray]] = {name: [] for name in (*data.IDENTITY, "score")}
    for inputs, fields in progress(batches, total, f"scoring {split} {compression}"):
        for name in data.IDENTITY:
            columns[name].append(fields[name])
        columns["score"].append(score(inputs).numpy()[:, 0])
    joined = {name: np.concatenate(parts) for name, parts in columns.items()}
    if unusable := int((~np.isfinite(joined["score"])).sum()):
        raise DataError(f"{unusable} of {len(joined['score'])} faces got no finite score from the model; train again.")
    videos = np.char.decode(joined["video"].astype("S"), "utf-8")
    return Scores(
        ids=np.array([f"{video}#{index}" for video, index in zip(videos, joined["frame_index"], strict=True)]),
        videos=videos,
        methods=np.char.decode(joined["method"].astype("S"), "utf-8"),
        labels=joined["label"].astype(np.int64),
        values=joined["score"].astype(np.float64),
    )


def score_videos(frames: Scores) -> Scores:
    """The mean frame score of each video."""
    videos, values, labels = metrics.video_scores(frames.videos, frames.values, frames.labels)
    method_of = dict(zip(frames.videos, frames.methods, strict=True))
    return Scores(videos, videos, np.array([method_of[video] for video in videos]), labels, values)


def summary(scores: Scores, identity_of: dict[str, str]) -> dict:
    """AUC with its 95% interval, AP, EER and n; the interval resamples target identities, not frames.

    Args:
        scores: scores of frames or of videos.
        identity_of: video id -> target identity; a real clip and the fakes made from it are one cluster.
    """
    groups = np.array([identity_of[video] for video in scores.videos])
    return metrics.summary(scores.labels, scores.values, groups)


def methods_of(scores: Scores) -> list[str]:
    """The manipulation methods present, in alphabetical order."""
    return sorted(set(scores.methods[scores.labels == 1]))


def false_alarms(videos: Scores, notes: dict[str, dict], threshold: float = 0.5) -> dict | None:
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
