"""A run's configuration: defaults by preset, the schedule, and what makes two runs differ."""

import dataclasses

import pytest

from experiments.config import SCHEDULES, TrainConfig
from records.errors import DataError


def test_the_presets_schedule_is_the_default_and_given_values_win():
    config = TrainConfig(("records",), "c40", "tiny", epochs=3)
    assert config.schedule == dataclasses.replace(SCHEDULES["tiny"], epochs=3)


def test_the_papers_schedule_divides_the_rate_by_ten_every_ten_epochs():
    config = TrainConfig(("records",), "c40", "paper")
    rates = [config.learning_rate_at(epoch) for epoch in (0, 9, 10, 19)]
    assert rates == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5])


def test_it_survives_the_disk(tmp_path):
    config = TrainConfig(("a", "b"), "c23", "small", {"pooling": "gap"}, seed=3)
    config.save(tmp_path)
    assert TrainConfig.load(tmp_path) == config


@pytest.mark.parametrize("text", ["", "{", "[]", '{"records": 3}', '{"records": ["a"], "unknown": 1}'])
def test_a_damaged_file_is_named(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(DataError, match=r"config\.json is damaged"):
        TrainConfig.load(tmp_path)


def test_a_folder_without_a_run_is_named(tmp_path):
    with pytest.raises(DataError, match="is no run folder"):
        TrainConfig.load(tmp_path)


def test_more_epochs_prolong_a_run_and_anything_else_makes_another():
    config = TrainConfig(("records",), "c40", "tiny")
    assert config.differences(dataclasses.replace(config, epochs=99)) == []
    assert config.differences(dataclasses.replace(config, seed=1, dtype="mixed_bfloat16")) == ["dtype", "seed"]
