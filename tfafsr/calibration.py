"""Calibration of probabilities: Platt scaling, and the expected calibration error."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import minimize
from scipy.special import expit

from tfafsr import bootstrap

BINS = 10
SMALLEST_SCALE, LARGEST_SCALE = 0.01, 100.0


@dataclasses.dataclass(frozen=True)
class Platt:
    """P(manipulated) = sigmoid(scale * logit + bias), at even odds; without arguments, no calibration.

    Attributes:
        scale: a, above 0, so that the order of the faces stays.
        bias: b.
    """

    scale: float = 1.0
    bias: float = 0.0

    def probability(self, logits: ArrayLike) -> np.ndarray:
        """sigmoid(a * logit + b) in [0, 1], float64 of the same shape."""
        return expit(self.scale * np.asarray(logits, np.float64) + self.bias)

    def log10_likelihood_ratio(self, logits: ArrayLike) -> np.ndarray:
        """(a * logit + b) / ln 10, float64 of the same shape."""
        return (self.scale * np.asarray(logits, np.float64) + self.bias) / math.log(10)


def fit_platt(labels: ArrayLike, logits: ArrayLike) -> Platt:
    """The scale a and the bias b that minimise the cross entropy of sigmoid(a * logit + b) (Platt, 1999).

    Both classes have the same total weight, however many examples each has. The probability is thus calibrated for a
    prior of one half, as in training, and 0.5 is the neutral threshold: the four fakes to one real of a data set are
    not the prior of the user's videos.

    The cross entropy is with Platt's targets, (n + 1) / (n + 2) for the n manipulated examples and 1 / (n + 2) for the
    n real ones. So a and b are finite where the logits separate the classes perfectly.

    a is limited to [0.01, 100]. A negative a would turn the order of the faces around. Logits that are higher for real
    faces, and logits that are all alike, give a = 0.01 with the b that is best for it: all probabilities are then
    near one half.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        logits: (N,), finite.

    Returns:
        a and b, both finite.

    Raises:
        ValueError: a class is missing, or a logit is not finite.
    """
    labels, logits, weights = _checked(labels, logits)
    counts = np.bincount(labels, minlength=2)
    targets = np.where(labels == 1, (counts[1] + 1) / (counts[1] + 2), 1 / (counts[0] + 2))
    centre = (weights * logits).sum()
    spread = max(np.sqrt((weights * (logits - centre) ** 2).sum()), np.finfo(np.float32).tiny)
    z = (logits - centre) / spread  # so that the two unknowns are of one size

    def cross_entropy(unknown: np.ndarray) -> tuple[float, np.ndarray]:
        log_odds = unknown[0] * z + unknown[1]
        slope = weights * (expit(log_odds) - targets)
        value = (weights * (np.logaddexp(0, log_odds) - targets * log_odds)).sum()
        return value, np.array([(slope * z).sum(), slope.sum()])

    limits = (SMALLEST_SCALE * spread, LARGEST_SCALE * spread)
    found = minimize(
        cross_entropy,
        (limits[0], 0.0),
        jac=True,
        method="L-BFGS-B",
        bounds=(limits, (None, None)),
        options={"ftol": 0.0, "gtol": 1e-9},
    )
    scale = float(np.clip(found.x[0] / spread, SMALLEST_SCALE, LARGEST_SCALE))
    return Platt(scale, float(found.x[1] - scale * centre))


def reliability(labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> dict[str, object]:
    """The reliability diagram and expected calibration error of P(manipulated), both classes with the same weight.

        ECE = sum over bins b of w_b * |mean probability in b - share of manipulated in b|

    The ECE is biased upwards in small samples: chance alone makes the share in a bin depart from the probability, and
    the absolute value never cancels. A perfectly calibrated model of few faces has an ECE above 0.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        probabilities: (N,), in [0, 1].
        bins: number of bins, of equal width.

    Returns:
        {"ece": in [0, 1], "bins": [{"probability": mean, "manipulated": share, "weight": w_b}, ...]}, without empty
        bins.

    Raises:
        ValueError: a class is missing, or a probability is outside of [0, 1].
    """
    labels, probabilities, weights = _checked(labels, probabilities)
    member = _bin_of(probabilities, bins)
    rows = []
    for index in np.unique(member):
        weight = np.where(member == index, weights, 0.0)
        total = weight.sum()
        rows.append(
            {
                "probability": float((weight * probabilities).sum() / total),
                "manipulated": float((weight * labels).sum() / total),
                "weight": float(total),
            }
        )
    return {"ece": sum(row["weight"] * abs(row["probability"] - row["manipulated"]) for row in rows), "bins": rows}


def ece_interval(
    labels: ArrayLike,
    probabilities: ArrayLike,
    groups: ArrayLike,
    bins: int = BINS,
    replicates: int = bootstrap.REPLICATES,
    seed: int = 0,
    level: float = bootstrap.LEVEL,
    bca: bool | None = None,
) -> list[float] | None:
    """Interval of the expected calibration error by the cluster bootstrap; see `tfafsr.bootstrap.interval`.

    The ECE is biased upwards in small samples, and that of a replicate once more. A percentile interval lies too high
    for this reason; BCa corrects a part of it. Neither reaches 0 for a model that is calibrated perfectly.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        probabilities: (N,), in [0, 1].
        groups: (N,), the cluster of each example.
        bins: number of bins, as in `reliability`.
        replicates, seed, level, bca: as in `tfafsr.bootstrap.interval`.

    Returns:
        [low, high], in [0, 1]; None with fewer than two groups, or if no replicate held both classes.

    Raises:
        ValueError: as `reliability`, or the lengths differ.
    """
    labels, probabilities, _ = _checked(labels, probabilities)
    member = _bin_of(probabilities, bins)
    group, count = bootstrap.clusters(groups)
    if len(group) != len(labels):
        raise ValueError(f"{len(group)} groups and {len(labels)} labels: the lengths must agree.")
    if count < 2:
        return None
    cell = group * bins + member

    def sums(values: np.ndarray) -> np.ndarray:
        return np.bincount(cell, values, minlength=count * bins).reshape(count, bins)

    numbers = [sums((labels == label).astype(np.float64)) for label in (0, 1)]
    totals = [sums(np.where(labels == label, probabilities, 0.0)) for label in (0, 1)]

    def errors(drawn: np.ndarray) -> np.ndarray:
        sizes = [(drawn @ number.sum(axis=1))[:, None] for number in numbers]  # of the two classes, (R, 1)
        with np.errstate(divide="ignore", invalid="ignore"):  # NaN where a class is missing
            mean = (drawn @ totals[0] / sizes[0] + drawn @ totals[1] / sizes[1]) / 2
            return np.abs(mean - drawn @ numbers[1] / sizes[1] / 2).sum(axis=1)

    found = bootstrap.interval(errors, count, replicates, seed, level, bca=bca)
    return None if found is None else list(found)


def _bin_of(probabilities: np.ndarray, bins: int) -> np.ndarray:
    """The number of each probability's bin; raises `ValueError` for one outside of [0, 1]."""
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError("probabilities must lie in [0, 1].")
    return np.minimum((probabilities * bins).astype(int), bins - 1)


def _checked(labels: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and values as arrays, and weights of the examples that sum to 0.5 for each class."""
    labels, values = np.asarray(labels), np.asarray(values, np.float64)
    if labels.shape != values.shape or labels.ndim != 1:
        raise ValueError(f"two lists of one length are needed; received {labels.shape} and {values.shape}.")
    if set(np.unique(labels)) != {0, 1}:
        raise ValueError(f"labels must hold both 0 (real) and 1 (manipulated); received {np.unique(labels).tolist()}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum())} of {len(values)} values are not finite.")
    labels = labels.astype(np.int64)
    share = labels.mean()
    return labels, values, np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)) / len(labels)
