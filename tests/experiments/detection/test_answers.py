"""What is computed of a person's frames, and the JSON."""

import json
import os
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from scipy import stats

import experiments.detection as detection
from experiments.detection import as_json

SCHEMA = json.loads(Path(detection.__file__).with_name("answer.schema.json").read_text())


def test_the_mean_of_the_frames_counts_and_not_their_sum(person):
    assert person([1.0] * 100).log10_likelihood_ratio == pytest.approx(1.0)
    assert person([1.0] * 100).probability == pytest.approx(10 / 11)


def test_the_interval_is_that_of_the_means_of_seconds(person):
    rng = np.random.default_rng(0)
    ratios = rng.normal(0.5, 0.2, 50)
    means = ratios.reshape(10, 5).mean(axis=1)
    expected = stats.t.interval(0.95, 9, means.mean(), stats.sem(means))
    assert person(ratios).interval == pytest.approx(expected)
    assert person(np.repeat(means, 5)).interval == pytest.approx(expected)  # equal frames of a second add nothing


def test_below_three_seconds_there_is_no_interval(person):
    assert person([0.1] * 10).interval is None
    assert person([0.1] * 11).interval is not None


def test_the_person_most_like_a_forgery_decides(person, answer):
    made = answer([person([-2.0, -2.0], 1), person([1.5], 2), person([0.0], 3)])
    assert made.strongest.number == 2
    assert str(made.support) == "moderate support that the face is manipulated"


def test_json_follows_its_schema(person, answer):
    made = [answer([person([0.2] * 20, 1), person([-0.3], 2)], notes=("a note",), encoding="h264", without_face=3)]
    made.append(answer([], kind=None, reason="there is no such file"))
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    values = json.loads(json.dumps([as_json(one) for one in made], allow_nan=False))
    jsonschema.validate(values, SCHEMA)
    assert [value["judged"] for value in values] == [True, False]
    assert values[0]["strongest_person"] == 1
    assert values[0]["support"] == {"strength": "no", "of": None}
    assert len(values[0]["people"][0]["sights"]) == 20


def test_a_field_too_many_or_too_few_is_against_the_schema(person, answer):
    value = as_json(answer([person([0.2])]))
    for wrong in ({**value, "verdict": "fake"}, {name: one for name, one in value.items() if name != "judged"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate([wrong], SCHEMA)


def test_extreme_ratios_stay_numbers(person):
    assert person([400.0]).probability == 1.0
    assert person([-400.0]).probability == pytest.approx(0.0)


def test_names_that_are_no_utf8_are_escaped(answer):
    path = Path(os.fsdecode(b"a\xff.mp4"))
    assert as_json(answer([], path=path, reason="x"))["path"] == "a\\xff.mp4"


def test_a_person_of_one_frame_must_be_more_suspicious_by_the_spread_of_a_frame(person, answer):
    steady = person([0.2, 0.6] * 20)  # mean 0.4, spread 0.2
    assert answer([steady, person([0.55], number=2)]).strongest is steady
    assert answer([steady, person([0.65], number=2)]).strongest.number == 2
    assert answer([person([0.1]), person([0.2], number=2)]).strongest.number == 2
    assert answer([]).strongest is None
