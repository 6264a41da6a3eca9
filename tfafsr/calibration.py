"""Calibration of probabilities: temperature scaling, and the expected calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

BINS = 10
COLDEST, HOTTEST = 0.05, 20.0
HALVINGS = 60


def fit_temperature(labels: ArrayLike, logits: ArrayLike) -> float:
    """The temperature T that minimises the cross entropy of sigmoid(logit / T) (Guo et al., ICML 2017).

    Both classes have the same total weight, however many examples each has. The probability is thus calibrated for a
    prior of one half, as in training, and 0.5 is the neutral threshold: the four fakes to one real of a data set are
    not the prior of the user's videos. Cross entropy is convex in 1 / T, so bisection on the sign of its derivative,
    mean((sigmoid(logit / T) - label) * logit), finds the minimum.

    Args:
        labels: (N,), 1 = manipulated, 0 = real.
        logits: (N,), finite.

    Returns:
        T in [0.05, 20]; one of the two limits if the minimum lies outside, as for logits that separate the classes
        perfectly.

    Raises:
        ValueError: a class is missing, or a logit is not finite.
    """
    labels, logits, weights = _checked(labels, logits)
    inverse = np.array([1 / HOTTEST, 1 / COLDEST])
    for _ in range(HALVINGS):
        middle = np.sqrt(inverse.prod())
        slope = (weights * (probability(middle * logits) - labels) * logits).sum()
        inverse[int(slope > 0)] = middle
    return float(1 / np.sqrt(inverse.prod()))


def reliability(labels: ArrayLike, probabilities: ArrayLike, bins: int = BINS) -> dict[str, object]:
    """The reliability diagram and expected calibration error of P(manipulated), both classes with the same weight.

        ECE = sum over bins b of w_b * |mean probability in b - share of manipulated in b|

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
    if probabilities.min() < 0 or probabilities.max() > 1:
        raise ValueError("probabilities must lie in [0, 1].")
    member = np.minimum((probabilities * bins).astype(int), bins - 1)
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


def probability(logits: ArrayLike, temperature: float = 1.0) -> np.ndarray:
    """sigmoid(logit / T), float64 of the same shape."""
    return 0.5 * (1 + np.tanh(np.asarray(logits, np.float64) / (2 * temperature)))


def without_temperature(probabilities: ArrayLike, temperature: float) -> np.ndarray:
    """The uncalibrated probabilities, sigmoid(logit), from the calibrated ones, sigmoid(logit / T), both (N,)."""
    probabilities = np.clip(np.asarray(probabilities, np.float64), 1e-7, 1 - 1e-7)
    return probability(temperature * np.log(probabilities / (1 - probabilities)))


def _checked(labels: ArrayLike, values: ArrayLike) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Labels and values as arrays, and weights of the examples that sum to 0.5 for each class."""
    labels, values = np.asarray(labels), np.asarray(values, np.float64)
    if labels.shape != values.shape or labels.ndim != 1:
        raise ValueError(f"two lists of one length are needed; received {labels.shape} and {values.shape}.")
    if set(np.unique(labels)) != {0, 1}:
        raise ValueError(f"labels must hold both 0 (real) and 1 (manipulated); received {np.unique(labels).tolist()}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{int((~np.isfinite(values)).sum())} of {len(values)} values are not finite.")
    share = labels.mean()
    return labels, values, np.where(labels == 1, 0.5 / share, 0.5 / (1 - share)) / len(labels)
