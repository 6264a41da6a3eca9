"""The figures that travel with weights: which row, which threshold, which compression."""

import json

import numpy as np
import pytest

from experiments.detection.card import read_card
from records.errors import DataError
from tests.experiments.detection.conftest import CARD


@pytest.mark.parametrize(
    ("compression", "side", "auc"),
    [("c23", 300, 0.8), ("c23", 30, 0.7), ("c23", 10, 0.65), ("c40", 64, 0.75), (None, 300, 0.75), (None, 20, 0.6)],
)
def test_the_row_is_that_of_the_nearest_size_and_the_worst_quality_if_it_is_unknown(compression, side, auc):
    assert CARD.row(compression, side).auc == auc


@pytest.mark.parametrize(("quantizer", "name"), [(0, "c23"), (22, "c23"), (34, "c23"), (35, "c40"), (44, "c40")])
def test_the_compression_is_that_of_the_nearest_quantizers(quantizer, name):
    assert CARD.like(quantizer) == name
    assert CARD.coarsest() == 48


def test_a_threshold_holds_for_a_further_real_clip():
    """With 19 clips, the k-th smallest is passed by a twentieth with probability 1 - k / 20."""
    assert CARD.threshold(0.05, "c23") == pytest.approx(0.8)
    assert CARD.threshold(0.5, "c23") == pytest.approx(-0.1)
    assert CARD.threshold(0.5, None) == CARD.threshold(0.5, "c40") == pytest.approx(0.4)
    assert CARD.threshold(0.04, "c23") is None


def write(path, meta):
    np.savez(path, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8))
    return path


def test_weights_without_figures_have_no_card(tmp_path):
    assert read_card(write(tmp_path / "old.npz", {"format": 2})) is None


@pytest.mark.parametrize("figures", [{"trained_on": "x"}, {"trained_on": "x", "rows": [{}], "real": {}}, [1]])
def test_damaged_figures_are_an_error_that_names_the_file(tmp_path, figures):
    with pytest.raises(DataError, match=r"odd\.npz holds no figures"):
        read_card(write(tmp_path / "odd.npz", {"figures": figures}))
