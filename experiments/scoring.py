"""Scores of frames and of videos, and what is computed of them: AUC, errors, calibration, restoration."""

from __future__ import annotations

import csv
import dataclasses
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from records.errors import DataError
from tfafsr import calibration, metrics

if TYPE_CHECKING:
    from experiments.frame_scores import Scored

THRESHOLD = 0.5  # neutral at even odds


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
                writer.writerow([row[0], int(row[1]), row[2], *(f"{value:.9g}" for value in row[3:])])
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
