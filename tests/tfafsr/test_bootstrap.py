"""The cluster bootstrap: BCa against SciPy's, its formula, and samples that leave it nothing to work on."""

import numpy as np
import pytest
from scipy.stats import bootstrap as scipys
from scipy.stats import norm

from tfafsr import bootstrap


def mean_of(values):
    """The statistic of `interval` for clusters of one example each: their mean."""
    return lambda drawn: drawn @ values / drawn.sum(axis=1)


@pytest.mark.parametrize("method", ["BCa", "percentile"])
def test_the_interval_is_scipys(method):
    values = np.random.default_rng(2).exponential(size=20)  # skewed, so that BCa and percentiles differ
    wanted = scipys(
        (values,), np.mean, n_resamples=20_000, method=method, rng=np.random.default_rng(1)
    ).confidence_interval
    found = bootstrap.interval(mean_of(values), 20, replicates=20_000, bca=method == "BCa")
    np.testing.assert_allclose(found, wanted, atol=0.02 * (wanted.high - wanted.low))


def test_few_clusters_get_bca_and_many_the_percentiles():
    for count, bca in ((29, True), (30, False)):
        statistic = mean_of(np.random.default_rng(0).exponential(size=count))
        intervals = {kind: bootstrap.interval(statistic, count, bca=kind) for kind in (True, False)}
        assert intervals[True] != intervals[False]
        assert bootstrap.interval(statistic, count) == intervals[bca]


def test_without_bias_and_skewness_bca_takes_the_percentiles():
    values = np.array([-2.0, -1.0, 1.0, 2.0])
    found = bootstrap.bca_shares(values, 0.0, np.array([-1.0, 0.0, 1.0]), np.array([0.025, 0.975]))
    np.testing.assert_allclose(found, [0.025, 0.975])


def test_bias_and_acceleration_hand_worked():
    # Three of four replicates are below 3: z0 = Phi^-1(0.75). Jackknife 0, 0, 3: d = 1, 1, -2. Their cubes sum to -6,
    # their squares to 6: a = -6 / (6 * 6^1.5).
    z0, a = norm.ppf(0.75), -1 / 6**1.5
    moved = z0 + norm.ppf(0.1)
    (found,) = bootstrap.bca_shares(
        np.array([1.0, 2.0, 2.5, 4.0]), 3.0, np.array([0.0, np.nan, 0.0, 3.0]), np.array([0.1])
    )
    assert found == pytest.approx(norm.cdf(z0 + moved / (1 - a * moved)))


def test_an_estimate_beyond_all_replicates_leaves_numbers():
    for estimate in (-10.0, 10.0):
        shares = bootstrap.bca_shares(np.arange(100.0), estimate, np.full(5, np.nan), np.array([0.025, 0.975]))
        assert (shares >= 0).all()
        assert (shares <= 1).all()
        assert shares[0] < shares[1]


def test_replicates_without_a_value_are_left_out():
    assert bootstrap.interval(lambda drawn: np.where(drawn[:, 0] > 0, 7.0, np.nan), 3) == (7.0, 7.0)
    assert bootstrap.interval(lambda drawn: np.full(len(drawn), np.nan), 3) is None
    with pytest.raises(ValueError, match="at least two groups; received 1"):
        bootstrap.interval(mean_of(np.ones(1)), 1)


def test_chunks_change_nothing():
    statistic = mean_of(np.random.default_rng(0).exponential(size=12))
    assert bootstrap.interval(statistic, 12) == bootstrap.interval(statistic, 12, chunk=37)
