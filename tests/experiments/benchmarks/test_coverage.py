"""The simulation of coverage: samples have the AUC that it calls true, and shares are those of the intervals."""

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import norm

from experiments.benchmarks.coverage import FRAMES, OWN, SHARED, covered, main, sample
from tfafsr import metrics


def test_a_large_sample_has_the_true_auc():
    labels, scores, groups = sample(np.random.default_rng(0), 3000, 4, 1.2)
    truth = norm.cdf(1.2 / np.hypot(SHARED, OWN) / np.sqrt(2))
    assert metrics.auc(labels, scores) == pytest.approx(truth, abs=0.01)
    assert np.bincount(groups).tolist() == [5 * FRAMES] * 3000
    assert labels.mean() == 0.8


def test_shares_and_widths_are_those_of_the_intervals():
    found = covered(7, 10, 4, 1.2, seed=3)
    rng, truth = np.random.default_rng(3), norm.cdf(1.2 / np.hypot(SHARED, OWN) / np.sqrt(2))
    drawn = [sample(rng, 7, 4, 1.2) for _ in range(10)]
    for name, bca in (("percentile", False), ("BCa", True)):
        ends = np.array([metrics.auc_interval(*one, bca=bca) for one in drawn])
        hold = (ends[:, 0] <= truth) & (truth <= ends[:, 1])
        assert found[name] == pytest.approx((hold.mean(), np.diff(ends).mean()))


def test_a_row_is_printed_for_each_case():
    result = CliRunner().invoke(main, ["--samples", "1"], catch_exceptions=False)
    assert [line.split(":")[0] for line in result.output.splitlines()] == [
        f"true AUC {auc}, {components} components" for auc in ("0.804", "0.950") for components in (7, 14, 29)
    ]
