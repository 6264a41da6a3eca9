"""Rendered people: each has a skin of their own, which stays the same in all frames."""

import dataclasses

import numpy as np
import pytest

from records.forge.people.person import make_person
from records.forge.people.rendered import draw
from records.forge.people.shape import Pose

STILL = Pose(**{field.name: 0.0 for field in dataclasses.fields(Pose)})
SIZE = 160


def picture(person):
    return draw(person, STILL, SIZE, SIZE)[0]


@pytest.fixture(scope="module")
def person():
    return make_person(0, "000")


def test_a_person_looks_the_same_each_time(person):
    np.testing.assert_array_equal(picture(person), picture(make_person(0, "000")))


def test_no_skin_is_even(person):
    textures = [make_person(0, f"{number:03d}").texture for number in range(12)]
    assert min(texture.std() for texture in textures) > 0.02
    assert max(texture.std() for texture in textures) < 0.15
    correlations = np.corrcoef([texture.ravel() for texture in textures]) - np.eye(12)
    assert np.abs(correlations).max() < 0.2


@pytest.mark.parametrize("line", ["folds", "bags", "forehead"])
def test_lines_darken_their_part_of_the_face_alone(person, line):
    smooth = dataclasses.replace(person, folds=0.0, bags=0.0, forehead=0.0)
    change = picture(smooth).mean(axis=2) - picture(dataclasses.replace(smooth, **{line: 0.3})).mean(axis=2)
    assert change.max() > 15
    assert change.min() > -1
    assert 0.001 < (change > 5).mean() < 0.05
    rows = np.flatnonzero((change > 5).any(axis=1))
    place = {"forehead": (0.1, 0.42), "bags": (0.35, 0.55), "folds": (0.45, 0.75)}[line]
    assert place[0] * SIZE < rows.min() <= rows.max() < place[1] * SIZE
