"""Words for likelihood ratios: bounds, both directions."""

import math

import pytest

from experiments.detection.scale import BOUNDS, WORDS, support


@pytest.mark.parametrize(
    ("ratio", "strength"),
    [
        *((1, "no"), (1.9, "no"), (2.1, "weak"), (9.9, "weak"), (10.1, "moderate"), (99, "moderate")),
        *((101, "moderately strong"), (999, "moderately strong"), (1001, "strong"), (1e30, "strong")),
    ],
)
def test_both_claims_have_the_same_words(ratio, strength):
    for log10, claim in ((math.log10(ratio), "manipulated"), (-math.log10(ratio), "not manipulated")):
        found = support(log10)
        assert found.strength == strength
        assert found.of == (None if strength == "no" else claim)


def test_there_is_a_word_more_than_bounds():
    assert len(WORDS) == len(BOUNDS) + 1


def test_infinity_is_strong_and_nan_refused():
    assert str(support(math.inf)) == "strong support that the face is manipulated"
    assert str(support(-math.inf)) == "strong support that the face is not manipulated"
    with pytest.raises(ValueError, match="NaN"):
        support(math.nan)
