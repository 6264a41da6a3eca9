"""The cluster bootstrap: intervals that resample clusters of examples which are alike."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

FEW = 30  # clusters; with fewer the interval is BCa
REPLICATES = 1000
LEVEL = 0.95


def clusters(groups: ArrayLike) -> tuple[np.ndarray, int]:
    """The number of each example's cluster, int64 (N,) from 0 on, and how many clusters there are."""
    group = np.unique(np.asarray(groups), return_inverse=True)[1]
    return group, int(group.max()) + 1 if len(group) else 0


def interval(
    statistic: Callable[[np.ndarray], np.ndarray],
    count: int,
    replicates: int = REPLICATES,
    seed: int = 0,
    level: float = LEVEL,
    chunk: int = REPLICATES,
    bca: bool | None = None,
) -> tuple[float, float] | None:
    """Interval of a statistic of examples that come in clusters.

    A replicate draws as many clusters as there are, with replacement. The percentile interval takes the quantiles
    (1 - level) / 2 and (1 + level) / 2 of the replicates. BCa (Efron, JASA 82, 1987) takes instead the quantiles
        Phi(z0 + (z0 + z) / (1 - a * (z0 + z))), z = Phi^-1((1 -+ level) / 2),
    where z0 = Phi^-1(share of replicates below the estimate, ties counting half) corrects the bias, and the
    acceleration a = sum(d^3) / (6 * sum(d^2)^1.5) the skewness, with d the mean of the jackknife's values minus each of
    them. The jackknife leaves out one cluster at a time.

    Replicates and values of the jackknife that are NaN are left out. If all replicates are equal, as they are for the
    AUC of perfectly separated classes, the interval has no width.

    Args:
        statistic: from how often each cluster was drawn, float64 (R, count), to R values; NaN where there is none.
        count: number of clusters, at least 2.
        replicates: number of bootstrap samples.
        seed: the same seed gives the same interval.
        level: probability that the interval is meant to cover, in (0, 1).
        chunk: replicates that are computed at a time.
        bca: whether the interval is BCa or the percentile interval; by default BCa for fewer than `FEW` clusters.

    Returns:
        Lower and upper end; None if no replicate has a value.

    Raises:
        ValueError: fewer than two clusters.
    """
    if count < 2:
        raise ValueError(f"The bootstrap needs at least two groups; received {count}.")
    rng = np.random.default_rng(seed)
    values = []
    for start in range(0, replicates, chunk):
        rows = min(chunk, replicates - start)
        values.append(statistic(draws(rng, rows, count)))
    values = np.concatenate(values)
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    shares = np.array([(1 - level) / 2, (1 + level) / 2])
    if count < FEW if bca is None else bca:
        (estimate,) = statistic(np.ones((1, count)))
        shares = bca_shares(values, estimate, statistic(1 - np.eye(count)), shares)
    low, high = np.quantile(values, shares)
    return float(low), float(high)


def draws(rng: np.random.Generator, rows: int, count: int) -> np.ndarray:
    """How often each of `count` clusters was drawn, with replacement, in each replicate: float64 (rows, count)."""
    drawn = rng.integers(count, size=(rows, count)) + count * np.arange(rows)[:, None]
    return np.bincount(drawn.ravel(), minlength=rows * count).reshape(rows, count).astype(float)


def bca_shares(values: np.ndarray, estimate: float, left_out: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """The quantiles that BCa takes in the place of `shares`; see `interval`.

    Args:
        values: the replicates, (R,), none of them NaN.
        estimate: the statistic of the sample.
        left_out: the statistic without one cluster, (clusters,); NaN where there is none.
        shares: the quantiles of the percentile interval, in (0, 1), rising.

    Returns:
        As many quantiles, in [0, 1], rising. Where the bias is larger than the replicates can tell, because the
        estimate lies beyond all of them, it is taken as that of half a replicate.
    """
    below = np.mean(values < estimate) + np.mean(values == estimate) / 2
    smallest = 0.5 / len(values)
    bias = norm.ppf(np.clip(below, smallest, 1 - smallest))
    d = left_out[~np.isnan(left_out)]
    d = d.mean() - d if len(d) else np.zeros(1)
    scale = 6 * (d**2).sum() ** 1.5
    acceleration = (d**3).sum() / scale if scale > 0 else 0.0
    moved = bias + norm.ppf(shares)
    # Beyond 1 / a the formula would turn back; the quantile there is the last one.
    return norm.cdf(bias + moved / np.maximum(1 - acceleration * moved, 1e-9))
