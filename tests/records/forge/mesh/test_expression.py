"""Carrying expressions: an open mouth opens another, a place or a size does not matter, the outline stays."""

import numpy as np
import pytest

from records.forge.mesh import RENDERED, carried_expression
from records.forge.people import Pose, make_person
from records.forge.people.rendered_mesh import rendered_mesh

SIZE = 208


def mesh(identity="000", **pose):
    return rendered_mesh(make_person(0, identity), Pose(**pose), SIZE, SIZE)


def opening(points):
    lips = points[list(RENDERED.inner_lips)]
    return lips[5, 1] - lips[15, 1]


def test_without_amount_nothing_moves():
    np.testing.assert_array_equal(carried_expression(mesh(), mesh("001", mouth_open=1.0), RENDERED, 0.0), mesh())


def test_an_open_mouth_opens_the_targets_by_as_much():
    target, source = mesh(mouth_open=0.0), mesh(mouth_open=1.0)
    carried = carried_expression(target, source, RENDERED, 1.0)
    assert opening(target) < 1
    assert opening(carried) == pytest.approx(opening(source), rel=0.1)
    half = carried_expression(target, source, RENDERED, 0.5)
    assert opening(half) == pytest.approx(opening(carried) / 2, abs=1)


def test_the_place_the_size_and_the_turn_of_the_source_do_not_matter():
    target, source = mesh(), mesh("001", mouth_open=1.0, smile=1.0)
    angle = np.radians(20)
    turn = np.array(((np.cos(angle), -np.sin(angle)), (np.sin(angle), np.cos(angle))))
    elsewhere = (1.7 * source @ turn.T + (300, -40)).astype(np.float32)
    there, here = (carried_expression(target, one, RENDERED, 1.0) for one in (elsewhere, source))
    np.testing.assert_allclose(there, here, atol=0.05)


def test_the_outline_stays():
    target = mesh()
    carried = carried_expression(target, mesh("001", mouth_open=1.0, brows=1.0), RENDERED, 1.0)
    outline = list(RENDERED.outline)
    np.testing.assert_allclose(carried[outline], target[outline], atol=1e-3)
    assert np.abs(carried - target).max() > 2


def test_features_that_are_not_named_do_not_move():
    target = mesh()
    carried = carried_expression(target, mesh(mouth_open=1.0, brows=1.0), RENDERED, 1.0, ("outer_lips", "inner_lips"))
    brows = list(RENDERED.left_brow + RENDERED.right_brow)
    np.testing.assert_allclose(carried[brows], target[brows], atol=0.5)
