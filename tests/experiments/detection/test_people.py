"""Faces of a clip are assigned to people."""

import numpy as np
import pytest

from experiments.detection.people import People
from faces import Face, intersection_over_union


def face(y, x, side=40):
    return Face((y, x, y + side, x + side), np.zeros((5, 2), np.float32), 1.0)


def test_overlaps():
    found = intersection_over_union([(0, 0, 2, 2), (0, 0, 4, 4)], [(0, 0, 2, 2), (1, 1, 3, 3), (9, 9, 10, 10)])
    np.testing.assert_allclose(found, [[1, 1 / 7, 0], [1 / 4, 1 / 4, 0]])
    assert intersection_over_union([], [(0, 0, 1, 1)]).shape == (0, 1)


def test_two_people_keep_their_numbers_in_whatever_order_their_faces_come():
    people = People()
    assert people.numbers(0.0, [face(0, 0), face(0, 100)]) == [1, 2]
    assert people.numbers(0.2, [face(0, 104), face(2, 3)]) == [2, 1]


def test_the_sum_of_the_overlaps_decides_and_not_the_largest_one():
    """Greedily, the second person would take the face between both, and the first would be lost."""
    people = People(overlap=0.1)
    people.numbers(0.0, [face(0, 0), face(0, 30)])
    assert people.numbers(0.2, [face(0, 20), face(0, 50)]) == [1, 2]


def test_a_new_face_is_a_new_person():
    people = People()
    assert people.numbers(0.0, [face(0, 0)]) == [1]
    assert people.numbers(0.2, []) == []
    assert people.numbers(0.4, [face(0, 200), face(1, 1)]) == [2, 1]


@pytest.mark.parametrize(("gap", "number"), [(1.9, 1), (2.1, 2)])
def test_who_was_away_for_long_is_another_person(gap, number):
    people = People()
    people.numbers(0.0, [face(0, 0)])
    assert people.numbers(gap, [face(0, 0)]) == [number]
