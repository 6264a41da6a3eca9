"""The named sizes."""

import pytest

from tfafsr import Detector
from tfafsr.presets import PRESETS, preset


def test_presets_are_designs():
    assert {name: tuple(preset(name).values()) for name in PRESETS} == {
        "paper": (225, 64, "plain", "ela"),
        "small": (128, 32, "residual", "ela+residual"),
        "tiny": (64, 16, "residual", "ela+residual"),
    }


def test_paper_has_25_million_parameters():
    model = Detector.from_preset("paper")
    assert model.count_params() == pytest.approx(25.2e6, rel=0.005)
    assert model.output["reconstruction"].shape == (None, 225, 225, 3)


def test_overrides_win_over_the_preset():
    model = Detector.from_preset("tiny", size=64, width=4, pooling="gap")
    assert {name: model.options[name] for name in ("size", "width", "output", "pooling")} == {
        "size": 64,
        "width": 4,
        "output": "residual",
        "pooling": "gap",
    }


def test_without_afsr_there_is_no_residual_to_read():
    model = Detector.from_preset("tiny", size=64, width=4, blocks=1, output="none", pooling="gap")
    assert model.options["error_image"] == "ela"


def test_refuses_an_unknown_name():
    with pytest.raises(ValueError, match=r"paper, small, tiny; received 'huge'"):
        Detector.from_preset("huge")
