"""Face coordinates, and ovals in face coordinates."""

from __future__ import annotations

import numpy as np
import pytest

from records.forge.geometry import (
    REGION,
    alignment,
    face_axes,
    face_coordinates,
    oval,
    region,
    region_box,
    transform,
)

# The eyes are 40 pixels apart and the mouth is 44 below them: the unit of u is 40 pixels, that of v 44.
POINTS = np.array([(80, 70), (120, 70), (100, 92), (86, 114), (114, 114)], np.float32)


def test_the_key_points_have_their_defined_face_coordinates():
    u, v = face_coordinates(POINTS, 200, 200)
    for (x, y), expected in zip(POINTS[[0, 1]].astype(int), [(-0.5, -0.5), (0.5, -0.5)], strict=True):
        np.testing.assert_allclose((u[y, x], v[y, x]), expected, atol=1e-5)
    np.testing.assert_allclose((u[114, 100], v[114, 100]), (0, 0.5), atol=1e-5)


@pytest.mark.parametrize("angle", [-0.5, 0.0, 1.2])
def test_coordinates_turn_and_grow_with_the_face(angle):
    turn = np.array(((np.cos(angle), -np.sin(angle), 30), (np.sin(angle), np.cos(angle), 40)), np.float32) * 1.5
    moved = transform(turn, POINTS)
    np.testing.assert_allclose(
        transform(face_axes(moved), np.array([(0.3, 0.7)])),
        transform(turn, transform(face_axes(POINTS), np.array([(0.3, 0.7)]))),
        atol=1e-3,
    )


def test_a_turned_head_keeps_its_width():
    turned = POINTS.copy()
    turned[0, 0], turned[1, 0] = 95, 105  # eyes only 10 pixels apart
    # 0.8 of the 44 pixels from eyes to mouth = 35.2.
    assert np.linalg.norm(face_axes(turned)[:, 0]) == pytest.approx(35.2, abs=0.01)


def test_the_oval_is_one_inside_and_zero_outside():
    u, v = np.meshgrid(np.linspace(-2, 2, 41), np.linspace(-2, 2, 41))
    mask = oval(u, v, half_width=1, top=-1, bottom=1, power=2, feather=0.5)
    radius = np.hypot(u, v)
    assert np.all(mask[radius >= 1] == 0)
    assert np.all(mask[radius <= 0.5] == 1)
    assert np.all((mask[(radius > 0.51) & (radius < 0.99)] > 0) & (mask[(radius > 0.51) & (radius < 0.99)] < 1))


def test_the_region_lies_inside_its_box():
    inside = region(POINTS, 200, 200) > 0
    y0, x0, y1, x1 = region_box(POINTS, 200, 200)
    assert inside.sum() == inside[y0:y1, x0:x1].sum() > 0
    # x1 and y1 are behind the last pixel. A unit of the region's width is 40 pixels, a unit of its height is 44.
    assert abs((x1 - 1 - x0) - 80 * REGION["half_width"]) <= 2
    assert abs((y1 - 1 - y0) - 44 * (REGION["bottom"] - REGION["top"])) <= 2


def test_the_box_is_limited_to_the_frame():
    y0, x0, y1, x1 = region_box(POINTS - 80, 60, 50)
    assert (y0, x0) == (0, 0)
    assert y1 <= 60
    assert x1 <= 50


def test_alignment_finds_an_affine_map():
    matrix = np.array(((1.2, 0.1, 5), (-0.2, 0.9, 7)), np.float32)
    np.testing.assert_allclose(alignment(POINTS, transform(matrix, POINTS)), matrix, atol=1e-3)
