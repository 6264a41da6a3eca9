import numpy as np
import pytest
from scipy.optimize import minimize

from tfafsr import calibration
from tfafsr.calibration import Platt


def drawn(scale, bias=0.0, count=20_000, fakes=0.5, seed=0):
    """Labels and logits whose true probability is sigmoid(scale * logit + bias) at even odds."""
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(0, 2, 4 * count)
    labels = (rng.random(4 * count) < 1 / (1 + np.exp(-log_odds))).astype(int)
    keep = np.concatenate(
        [np.flatnonzero(labels == 1)[: int(count * fakes)], np.flatnonzero(labels == 0)[: int(count * (1 - fakes))]]
    )
    return labels[keep], (log_odds[keep] - bias) / scale


@pytest.mark.parametrize(("scale", "bias"), [(2.0, 0.0), (1.0, 1.5), (0.3, -1.0)])
@pytest.mark.parametrize("fakes", [0.5, 0.8])
def test_scale_and_bias_are_found_again_whatever_the_share_of_fakes(scale, bias, fakes):
    labels, logits = drawn(scale, bias, fakes=fakes)
    found = calibration.fit_platt(labels, logits)
    assert found.scale == pytest.approx(scale, rel=0.06)
    assert found.bias == pytest.approx(bias, abs=0.06)


def test_scale_and_bias_are_where_a_general_minimiser_finds_them():
    labels, logits = drawn(0.5, 0.7, count=500, fakes=0.7)
    fakes, reals = (labels == 1).sum(), (labels == 0).sum()
    weights = np.where(labels == 1, 0.5 / fakes, 0.5 / reals)
    targets = np.where(labels == 1, (fakes + 1) / (fakes + 2), 1 / (reals + 2))

    def cross_entropy(unknown):
        z = unknown[0] * logits + unknown[1]
        return (weights * (np.logaddexp(0, z) - targets * z)).sum()

    expected = minimize(cross_entropy, (1, 0), method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-15}).x
    found = calibration.fit_platt(labels, logits)
    np.testing.assert_allclose([found.scale, found.bias], expected, rtol=1e-5)


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_perfectly_separated_classes_give_finite_probabilities(size):
    labels = np.array([0, 0, 1, 1])
    found = calibration.fit_platt(labels, size * np.array([-1.0, -2.0, 1.0, 2.0]))
    probabilities = found.probability(size * np.array([-1.0, -2.0, 1.0, 2.0]))
    assert 0 < found.scale <= calibration.LARGEST_SCALE
    assert found.bias == pytest.approx(0, abs=1e-6)
    assert (np.diff(probabilities[[1, 0, 2, 3]]) > 0).all()
    if size == 1:  # the targets are (2 + 1) / (2 + 2) and 1 / (2 + 2)
        assert 0.5 < probabilities[2] < 0.75 < probabilities[3] < 0.9


def test_logits_that_separate_by_nothing_are_limited():
    found = calibration.fit_platt([0, 0, 1, 1], [5.0, 5.0, 5.0 + 1e-9, 5.0 + 1e-9])
    assert found.scale == calibration.LARGEST_SCALE
    np.testing.assert_allclose(found.probability([5.0]), 0.5, atol=1e-6)


@pytest.mark.parametrize("logits", [[3.0] * 4, [1.0, 2.0, -1.0, -2.0], [0.0] * 4])
def test_logits_that_say_nothing_or_the_contrary_give_one_half(logits):
    found = calibration.fit_platt([0, 0, 1, 1], logits)
    assert found.scale == calibration.SMALLEST_SCALE
    np.testing.assert_allclose(found.probability(logits), 0.5, atol=0.02)


def test_the_ratio_is_that_of_the_odds():
    platt = Platt(1.5, -0.5)
    probability = platt.probability([-1.0, 0.0, 2.0])
    np.testing.assert_allclose(probability, 1 / (1 + np.exp([2.0, 0.5, -2.5])))
    np.testing.assert_allclose(
        platt.log10_likelihood_ratio([-1.0, 0.0, 2.0]), np.log10(probability / (1 - probability))
    )


def test_reliability_against_loops_over_the_bins():
    labels, logits = drawn(0.4, count=400, fakes=0.8)
    probabilities = 1 / (1 + np.exp(-logits))
    weight_of = {1: 0.5 / (labels == 1).sum(), 0: 0.5 / (labels == 0).sum()}
    expected = 0.0
    for index in range(10):
        inside = [
            (weight_of[y], y, p)
            for y, p in zip(labels.tolist(), probabilities, strict=True)
            if min(int(p * 10), 9) == index
        ]
        if inside:
            expected += abs(sum(w * p for w, _, p in inside) - sum(w * y for w, y, _ in inside))
    found = calibration.reliability(labels, probabilities)
    assert found["ece"] == pytest.approx(expected)
    assert sum(row["weight"] for row in found["bins"]) == pytest.approx(1)


def test_calibrated_probabilities_err_less():
    labels, logits = drawn(0.4, 0.8)
    before = calibration.reliability(labels, Platt().probability(logits))["ece"]
    after = calibration.reliability(labels, calibration.fit_platt(labels, logits).probability(logits))["ece"]
    assert after < 0.02 < 0.1 < before


def test_the_ends_of_the_range_fall_into_bins():
    found = calibration.reliability([0, 1], [0.0, 1.0])
    assert found == {
        "ece": 0.0,
        "bins": [
            {"probability": 0.0, "manipulated": 0.0, "weight": 0.5},
            {"probability": 1.0, "manipulated": 1.0, "weight": 0.5},
        ],
    }


def test_the_interval_of_the_ece_is_that_of_a_plain_bootstrap():
    labels, logits = drawn(0.5, count=900, fakes=0.7)
    probabilities, groups = Platt().probability(logits), np.random.default_rng(1).integers(40, size=len(labels))
    rng, errors = np.random.default_rng(0), []
    for _ in range(400):
        chosen = np.concatenate([np.flatnonzero(groups == group) for group in rng.integers(40, size=40)])
        errors.append(calibration.reliability(labels[chosen], probabilities[chosen])["ece"])
    low, high = calibration.ece_interval(labels, probabilities, groups)
    np.testing.assert_allclose([low, high], np.quantile(errors, [0.025, 0.975]), atol=(high - low) / 8)


def test_of_few_groups_the_interval_of_the_ece_is_lower_than_that_of_the_percentiles():
    labels, logits = drawn(1.0, count=300)
    probabilities, groups = Platt().probability(logits), np.arange(300) % 10
    corrected = calibration.ece_interval(labels, probabilities, groups)
    plain = calibration.ece_interval(labels, probabilities, groups, bca=False)
    assert corrected != plain
    assert 0 <= corrected[0] < plain[0]
    assert corrected[1] < plain[1]


def test_an_ece_without_an_interval():
    assert calibration.ece_interval([0, 1], [0.2, 0.7], ["a", "a"]) is None
    # Two groups of one class each: half of the replicates hold one class only, the others are the sample.
    assert calibration.ece_interval([0, 1], [0.25, 0.75], ["a", "b"]) == pytest.approx([0.25, 0.25])
    assert calibration.ece_interval([0, 0, 1, 1], [0.0, 0.0, 1.0, 1.0], [0, 1, 0, 1]) == [0.0, 0.0]
    with pytest.raises(ValueError, match="1 groups and 2 labels"):
        calibration.ece_interval([0, 1], [0.2, 0.7], ["a"])


@pytest.mark.parametrize(
    ("labels", "values", "match"),
    [
        ([1, 1], [0.1, 0.2], "both 0"),
        ([0, 1], [0.1], "one length"),
        ([0, 1], [0.1, np.nan], "1 of 2 values are not finite"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(labels, values, match):
    for function in (calibration.fit_platt, calibration.reliability):
        with pytest.raises(ValueError, match=match):
            function(labels, values)
    with pytest.raises(ValueError, match=match):
        calibration.ece_interval(labels, values, np.arange(len(labels)))


def test_probabilities_lie_between_0_and_1():
    with pytest.raises(ValueError, match="lie in"):
        calibration.reliability([0, 1], [0.1, 1.2])
