"""Figures by groups of people: fakes belong to the group of the person they show."""

import dataclasses

import numpy as np
import pytest

from experiments.groups import by_group, largest_gap, read_groups
from experiments.scoring import Scores, load_frames
from records.errors import DataError
from records.shards import ClipEntry

PEOPLE = {"0": "a.jpg", "1": "b.jpg", "2": "c.jpg", "3": "d.jpg"}
GROUP_OF = {"a.jpg": "women", "b.jpg": "women", "c.jpg": "men"}  # nothing is known of d.jpg
SOURCES = {"0": "1", "1": "0", "2": "2", "3": "0"}
SCORES = {"0": (0.6, 0.4), "1": (0.1, 0.9), "2": (0.2, 0.8), "3": (0.0, 1.0)}  # person -> real, fake


@pytest.fixture
def frames_and_clips():
    clips, rows = {}, []
    for person, photograph in PEOPLE.items():
        real, fake = f"d/real/c40/{person}", f"d/A/c40/{person}_x"
        common = {"split": "test", "compression": "c40", "frames_scored": 1}
        clips[real] = ClipEntry(label=0, method="real", subjects=(person,), notes={"photograph": photograph}, **common)
        clips[fake] = ClipEntry(label=1, method="A", subjects=(person, SOURCES[person]), **common)
        rows += [(real, "real", 0, SCORES[person][0]), (fake, "A", 1, SCORES[person][1])]
    videos, methods, labels, values = (np.array(column) for column in zip(*rows, strict=True))
    return Scores(np.array([f"{video}#0" for video in videos]), videos, methods, labels, values), clips


def test_each_group_has_its_own_reals_and_the_fakes_that_show_its_people(frames_and_clips):
    found = by_group(*frames_and_clips, GROUP_OF)
    assert list(found) == ["men", "women"]
    assert {group: part["people"] for group, part in found.items()} == {"men": 1, "women": 2}
    assert found["men"]["frame"]["auc"] == 1
    # Of the fakes 0.4 and 0.9 against the reals 0.6 and 0.1, one pair of four is in the wrong order.
    assert found["women"]["frame"]["auc"] == 0.75
    assert found["women"]["errors"]["false_alarms"]["rate"] == 0.5
    assert found["men"]["errors"]["misses"]["rate"] == 0
    assert largest_gap(found) == 0.25


def test_a_fake_of_two_groups_counts_for_none(frames_and_clips):
    frames, clips = frames_and_clips
    for person, source in (("0", "2"), ("2", "0")):
        name = f"d/A/c40/{person}_x"
        clips[name] = dataclasses.replace(clips[name], subjects=(person, source))
    found = by_group(frames, clips, GROUP_OF)
    assert found["men"]["frame"]["n"] == 1
    assert found["women"]["frame"]["n"] == 3


def test_without_groups_there_is_no_gap(frames_and_clips):
    assert by_group(*frames_and_clips, {}) == {}
    assert largest_gap({}) is None


def test_scores_come_back_from_their_file(frames_and_clips, tmp_path):
    frames, _ = frames_and_clips
    frames.save(tmp_path / "scores.csv")
    again = load_frames(tmp_path / "scores.csv")
    for name in ("ids", "videos", "methods", "labels", "values"):
        np.testing.assert_array_equal(getattr(again, name), getattr(frames, name))


def test_a_file_without_the_columns_is_named(tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("file,gender\na.jpg,female\n")
    assert read_groups(path, ("gender",)) == {"gender": {"a.jpg": "female"}}
    with pytest.raises(DataError, match=r"people\.csv has no columns file, origin"):
        read_groups(path, ("origin",))
    with pytest.raises(DataError, match="no columns"):
        read_groups(tmp_path / "missing.csv", ("gender",))
