"""A run's options: defaults by preset, the schedule, their ranges, and what makes two runs differ."""

import dataclasses
import typing

import pytest

from experiments.config import SCHEDULES, DetectorOptions, TrainConfig
from records.errors import DataError
from tfafsr.afsr import OUTPUTS
from tfafsr.detector import AFSR_GRADIENTS, ELA_SOURCES, ERROR_IMAGES, MINING
from tfafsr.presets import PRESETS
from tfafsr.tfe import FUSIONS, POOLINGS


def test_the_presets_schedule_is_the_default_and_given_values_win():
    config = TrainConfig(("records",), ("c40",), "tiny", epochs=3)
    assert config.schedule == dataclasses.replace(SCHEDULES["tiny"], epochs=3)


def test_the_papers_schedule_divides_the_rate_by_ten_every_ten_epochs():
    config = TrainConfig(("records",), ("c40",), "paper")
    rates = [config.learning_rate_at(epoch) for epoch in (0, 9, 10, 19)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])


def test_every_option_has_a_help_text_and_every_preset_a_schedule():
    fields = [*dataclasses.fields(TrainConfig), *dataclasses.fields(DetectorOptions)]
    assert all(field.metadata.get("help") for field in fields if field.name != "detector")
    assert set(typing.get_args(typing.get_type_hints(TrainConfig)["preset"])) == set(SCHEDULES) == set(PRESETS)


def test_the_detectors_choices_are_those_that_the_detector_takes():
    hints = typing.get_type_hints(DetectorOptions)
    declared = {name: set(typing.get_args(typing.get_args(hints[name])[0])) for name in hints}
    taken = {"output": OUTPUTS, "pooling": POOLINGS, "fusion": FUSIONS}
    taken |= {"ela_of": ELA_SOURCES, "mining": MINING, "error_image": ERROR_IMAGES, "afsr_gradient": AFSR_GRADIENTS}
    assert {name: choices for name, choices in declared.items() if choices} == {
        name: set(choices) for name, choices in taken.items()
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"detector": {"size": 63}}, r"size must be at least 64; received 63\."),
        ({"detector": {"width": 257}}, r"width must be at most 256; received 257\."),
        ({"learning_rate": 0}, r"learning_rate must be above 0; received 0\."),
        ({"learning_rate": float("nan")}, r"learning_rate must be above 0; received nan\."),
        ({"batch_size": 1}, r"batch_size must be at least 2; received 1\."),
    ],
)
def test_a_number_outside_of_its_range_is_refused(options, message):
    with pytest.raises(DataError, match=message):
        TrainConfig(("records",), ("c40",), **{**options, "detector": DetectorOptions(**options.pop("detector", {}))})


def test_more_epochs_and_another_path_prolong_a_run_and_anything_else_makes_another():
    config = TrainConfig(("records",), ("c40",), "tiny")
    assert config.differences(dataclasses.replace(config, epochs=99, records=("moved",))) == []
    other = dataclasses.replace(config, seed=1, detector=DetectorOptions(pooling="gap"))
    assert config.differences(other) == ["pooling: the default, there 'gap'", "seed: 0, there 1"]
