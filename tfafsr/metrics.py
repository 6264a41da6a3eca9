"""Metrics of scores: AUC, average precision, equal error rate, shares, with intervals; and the scores of videos."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from tfafsr import bootstrap

AGGREGATES: dict[str, Callable[[np.ndarray], float]] = {"mean": np.mean, "median": np.median, "max": np.max}
CHUNK = 2_000_000  # weights held at a time by the bootstrap: 16 MB


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Area under the ROC curve: the chance that a fake scores above a real one, ties counting half.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        scores: (N,), finite; higher = more likely manipulated.

    Raises:
        ValueError: a class is missing, a label is not 0 or 1, or a score is not finite.
    """
    return float(roc_auc_score(*_checked(labels, scores)))


def average_precision(labels: ArrayLike, scores: ArrayLike) -> float:
    """Average precision of finding fakes, sum of (R_k - R_{k-1}) P_k; arguments and errors as in `auc`."""
    return float(average_precision_score(*_checked(labels, scores)))


def equal_error_rate(labels: ArrayLike, scores: ArrayLike) -> float:
    """The error rate where false positive and false negative rate are equal, in [0, 1]; arguments and errors as `auc`.

    Between two thresholds the ROC curve is a straight line, as for the AUC.
    """
    false_alarms, hits, _ = roc_curve(*_checked(labels, scores))
    excess = 1 - hits - false_alarms  # misses over false alarms: falls from 1 to -1 along the curve
    after = int(np.argmax(excess <= 0))
    step = excess[after - 1] / (excess[after - 1] - excess[after])
    return float(false_alarms[after - 1] + step * (false_alarms[after] - false_alarms[after - 1]))


def video_scores(
    videos: Sequence, scores: ArrayLike, labels: ArrayLike, aggregate: str = "mean"
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One score a video from the scores of its frames.

    Args:
        videos: (N,), the full id dataset/method/compression/clip of each frame's video. The name of the clip is not
            enough: `000_003` exists once for each method, and those are different videos.
        scores: (N,) frame scores.
        labels: (N,) frame labels, 0 or 1.
        aggregate: `mean`, `median` or `max`.

    Returns:
        ids, scores (float64) and labels (int64) of the V videos, in order of first appearance.

    Raises:
        ValueError: the lengths differ, the frames of one video have two labels, or the aggregate is unknown.
    """
    if aggregate not in AGGREGATES:
        raise ValueError(f"aggregate must be one of {', '.join(AGGREGATES)}; received {aggregate!r}.")
    videos, scores, labels = np.asarray(videos), np.asarray(scores, np.float64), np.asarray(labels, np.int64)
    if not len(videos) == len(scores) == len(labels):
        raise ValueError(
            f"{len(videos)} videos, {len(scores)} scores and {len(labels)} labels: the lengths must agree."
        )
    ids, first, inverse = np.unique(videos, return_index=True, return_inverse=True)
    if mixed := set(ids[inverse[labels != labels[first][inverse]]].tolist()):
        raise ValueError(
            f"Frames of video {min(mixed)!r} have different labels; group by dataset/method/compression/clip."
        )
    members = np.split(np.argsort(inverse, kind="stable"), np.cumsum(np.bincount(inverse))[:-1]) if len(ids) else []
    values = np.array([AGGREGATES[aggregate](scores[frames]) for frames in members], np.float64)
    order = np.argsort(first)
    return ids[order], values[order], labels[first][order]


def auc_interval(
    labels: ArrayLike,
    scores: ArrayLike,
    groups: ArrayLike | None = None,
    replicates: int = bootstrap.REPLICATES,
    seed: int = 0,
    level: float = bootstrap.LEVEL,
    bca: bool | None = None,
) -> tuple[float, float]:
    """Interval of the AUC by the cluster bootstrap, BCa with fewer than 30 groups; see `tfafsr.bootstrap.interval`.

    Frames of one person are alike, so people are resampled with replacement, not frames: a replicate counts each
    example as often as its group was chosen. Replicates without both classes are left out. If the scores separate the
    classes perfectly, the interval has no width.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        scores: (N,), finite.
        groups: (N,), the cluster of each example (connected people); by default each example is its own cluster.
        replicates, seed, level, bca: as in `tfafsr.bootstrap.interval`.

    Returns:
        Lower and upper end, in [0, 1].

    Raises:
        ValueError: as `auc`, or fewer than two groups, or no replicate held both classes.
    """
    labels, scores = _checked(labels, scores)
    group, count = bootstrap.clusters(np.arange(len(labels)) if groups is None else groups)
    if len(group) != len(labels):
        raise ValueError(f"{len(group)} groups and {len(labels)} labels: the lengths must agree.")
    found = bootstrap.interval(
        lambda drawn: weighted_auc(labels, scores, drawn[:, group]),
        *(count, replicates, seed, level),
        chunk=max(1, CHUNK // len(labels)),
        bca=bca,
    )
    if found is None:
        raise ValueError("No bootstrap replicate held both classes; more groups are needed.")
    return found


def mean_interval(
    values: ArrayLike,
    groups: ArrayLike,
    replicates: int = bootstrap.REPLICATES,
    seed: int = 0,
    level: float = bootstrap.LEVEL,
    bca: bool | None = None,
) -> list[float] | None:
    """Interval of a mean by the cluster bootstrap, which resamples groups; None with fewer than two groups.

    Args:
        values: (N,), finite.
        groups: (N,), the cluster of each value.
        replicates, seed, level, bca: as in `tfafsr.bootstrap.interval`.
    """
    values, (group, count) = np.asarray(values, np.float64), bootstrap.clusters(groups)
    if count < 2:
        return None
    sums, sizes = np.bincount(group, values), np.bincount(group)
    found = bootstrap.interval(lambda drawn: (drawn @ sums) / (drawn @ sizes), count, replicates, seed, level, bca=bca)
    return list(found)


def rate(hits: ArrayLike, groups: ArrayLike, level: float = bootstrap.LEVEL) -> dict:
    """A share, such as that of the false alarms, with its interval.

    The interval is that of `mean_interval`. Where none or all are hits, it would have no width. It is then the exact
    binomial one (Clopper and Pearson, 1934) of as many trials as there are groups: [0, 1 - ((1 - level) / 2)^(1 /
    groups)] without hits.

    Args:
        hits: (N,), true or false.
        groups: (N,), the cluster of each.
        level: probability that the interval is meant to cover.

    Returns:
        {"rate": in [0, 1]; "ci95": [low, high], None with fewer than two groups; "n": N}. Without examples both are
        None.
    """
    hits, count = np.asarray(hits, bool), bootstrap.clusters(groups)[1]
    if not len(hits):
        return {"rate": None, "ci95": None, "n": 0}
    share = float(hits.mean())
    ends = mean_interval(hits, groups, level=level)
    if ends is not None and share in (0, 1):
        farthest = float(((1 - level) / 2) ** (1 / count))
        ends = [farthest, 1.0] if share else [0.0, 1 - farthest]
    return {"rate": share, "ci95": ends, "n": len(hits)}


def summary(labels: ArrayLike, scores: ArrayLike, groups: ArrayLike | None = None) -> dict:
    """The figures of one entry of `metrics.json`.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        scores: (N,), finite.
        groups: (N,), the clusters that the interval resamples.

    Returns:
        {"auc", "auc_ci95": [low, high], "ap", "eer", "n"}. Without both classes all but n are None; with one group the
        interval is None. No value is NaN.
    """
    labels, scores = np.asarray(labels), np.asarray(scores)
    if len(np.unique(labels)) < 2:
        return {"auc": None, "auc_ci95": None, "ap": None, "eer": None, "n": len(labels)}
    several = groups is None or len(np.unique(groups)) > 1
    return {
        "auc": auc(labels, scores),
        "auc_ci95": list(auc_interval(labels, scores, groups)) if several else None,
        "ap": average_precision(labels, scores),
        "eer": equal_error_rate(labels, scores),
        "n": len(labels),
    }


def weighted_auc(labels: np.ndarray, scores: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """AUC of N examples for each of R sets of weights (R, N): float64 (R,), NaN where the weight of a class is 0.

    With the scores sorted and equal ones merged, each fake counts all reals below it and half of those with its score.
    """
    order = np.argsort(scores, kind="stable")
    level = np.flatnonzero(np.r_[True, np.diff(scores[order]) > 0])  # where a new score begins
    weights = weights[:, order].astype(np.float64)
    fakes = labels[order] == 1
    positive = np.add.reduceat(weights * fakes, level, axis=1)  # (R, distinct scores)
    negative = np.add.reduceat(weights * ~fakes, level, axis=1)
    below = np.cumsum(negative, axis=1) - negative / 2
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    won = (positive * below).sum(axis=1)
    return np.divide(won, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def _checked(labels: ArrayLike, scores: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    labels, scores = np.asarray(labels), np.asarray(scores, np.float64)
    if labels.shape != scores.shape or labels.ndim != 1:
        raise ValueError(
            f"labels and scores must be two lists of one length; received {labels.shape} and {scores.shape}."
        )
    if not np.isfinite(scores).all():
        raise ValueError(f"{int((~np.isfinite(scores)).sum())} of {len(scores)} scores are not finite.")
    if set(np.unique(labels)) != {0, 1}:
        raise ValueError(f"labels must hold both 0 (real) and 1 (manipulated); received {np.unique(labels).tolist()}.")
    return labels.astype(np.int64), scores
