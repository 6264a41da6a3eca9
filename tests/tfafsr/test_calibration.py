import numpy as np
import pytest
from scipy.optimize import minimize_scalar

from tfafsr import calibration


def drawn(temperature, count=20_000, fakes=0.5, seed=0):
    """Labels and logits whose true probability is sigmoid(logit / temperature) at even odds."""
    rng = np.random.default_rng(seed)
    scaled = rng.normal(0, 2, 4 * count)
    labels = (rng.random(4 * count) < 1 / (1 + np.exp(-scaled))).astype(int)
    keep = np.concatenate(
        [np.flatnonzero(labels == 1)[: int(count * fakes)], np.flatnonzero(labels == 0)[: int(count * (1 - fakes))]]
    )
    return labels[keep], temperature * scaled[keep]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("fakes", [0.5, 0.8])
def test_the_temperature_is_found_again_whatever_the_share_of_fakes(temperature, fakes):
    labels, logits = drawn(temperature, fakes=fakes)
    assert calibration.fit_temperature(labels, logits) == pytest.approx(temperature, rel=0.06)


def test_the_temperature_is_where_a_general_minimiser_finds_it():
    labels, logits = drawn(2.0, count=500, fakes=0.7)
    weights = np.where(labels == 1, 0.5 / (labels == 1).sum(), 0.5 / (labels == 0).sum())

    def cross_entropy(log_temperature):
        z = logits / np.exp(log_temperature)
        return (weights * (np.logaddexp(0, z) - labels * z)).sum()

    expected = np.exp(minimize_scalar(cross_entropy, bounds=(-3, 3), method="bounded", options={"xatol": 1e-9}).x)
    assert calibration.fit_temperature(labels, logits) == pytest.approx(expected, rel=1e-5)


def test_separated_classes_give_the_coldest_temperature_and_useless_logits_the_hottest():
    labels = np.array([0, 0, 1, 1])
    assert calibration.fit_temperature(labels, [-1.0, -2.0, 1.0, 2.0]) == pytest.approx(0.05)
    assert calibration.fit_temperature(labels, [1.0, 2.0, -1.0, -2.0]) == pytest.approx(20.0)


def test_reliability_against_loops_over_the_bins():
    labels, logits = drawn(2.5, count=400, fakes=0.8)
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
    labels, logits = drawn(3.0)
    before = calibration.reliability(labels, 1 / (1 + np.exp(-logits)))["ece"]
    temperature = calibration.fit_temperature(labels, logits)
    after = calibration.reliability(labels, 1 / (1 + np.exp(-logits / temperature)))["ece"]
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


def test_the_temperature_is_taken_off_again():
    logits = np.linspace(-6, 6, 25)
    calibrated = 1 / (1 + np.exp(-logits / 2.5))
    np.testing.assert_allclose(calibration.without_temperature(calibrated, 2.5), 1 / (1 + np.exp(-logits)), atol=1e-9)


@pytest.mark.parametrize(
    ("labels", "values", "match"),
    [
        ([1, 1], [0.1, 0.2], "both 0"),
        ([0, 1], [0.1], "one length"),
        ([0, 1], [0.1, np.nan], "1 of 2 values are not finite"),
    ],
)
def test_what_cannot_be_calibrated_is_refused(labels, values, match):
    for function in (calibration.fit_temperature, calibration.reliability):
        with pytest.raises(ValueError, match=match):
            function(labels, values)


def test_probabilities_lie_between_0_and_1():
    with pytest.raises(ValueError, match="lie in"):
        calibration.reliability([0, 1], [0.1, 1.2])
