"""Tests of records/forge/networks/drawings.py."""

import numpy as np
import pytest

from records.forge.mesh import RENDERED
from records.forge.networks import SIDE, crop_points
from records.forge.networks.drawings import blurred, drawn_lips, lower_face
from records.forge.people import RenderedFaces


@pytest.fixture(name="mesh", scope="module")
def _mesh():
    clip = RenderedFaces(seed=1, size=128, frames=1).clip("004")
    return crop_points(clip.meshes[0], clip.points[0])


def test_the_lower_face_holds_the_lips_and_not_the_nose(mesh):
    region = lower_face(mesh, RENDERED)
    assert region.dtype == np.uint8
    assert region.shape == (SIDE, SIDE)
    for x, y in np.rint(mesh[list(RENDERED.lips)]).astype(int):
        assert region[y, x] == 255
    for x, y in np.rint(mesh[list(RENDERED.nose[:5])]).astype(int):
        assert region[y, x] == 0
    for x, y in np.rint(mesh[list(RENDERED.left_eye + RENDERED.right_eye)]).astype(int):
        assert region[y, x] == 0


def test_its_edge_is_soft(mesh):
    row = lower_face(mesh, RENDERED)[46].astype(int)
    assert np.abs(np.diff(row)).max() < 128


def test_a_face_beyond_the_crop_is_drawn(mesh):
    assert lower_face(mesh + 40, RENDERED).shape == (SIDE, SIDE)


def test_lips_are_drawn_where_the_mesh_has_them(mesh):
    drawn = drawn_lips(mesh, RENDERED)
    assert drawn.shape == (SIDE, SIDE, 2)
    # A closed mouth has no area, but is drawn as a line.
    for number, part in enumerate((RENDERED.outer_lips, RENDERED.inner_lips)):
        x, y = mesh[list(part)].T
        area = abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) / 2
        assert drawn[..., number].sum() / 255 == pytest.approx(area, rel=0.12, abs=6)
    weight = drawn[..., 0] / drawn[..., 0].sum()
    rows, columns = np.mgrid[0:SIDE, 0:SIDE]
    np.testing.assert_allclose(
        ((weight * columns).sum(), (weight * rows).sum()), mesh[list(RENDERED.outer_lips)].mean(axis=0), atol=1.0
    )


def test_an_open_mouth_is_drawn_open(mesh):
    opened = mesh.copy()
    lower = list(RENDERED.inner_lips[1:10])
    opened[lower, 1] += 6
    assert drawn_lips(opened, RENDERED)[..., 1].sum() > 3 * drawn_lips(mesh, RENDERED)[..., 1].sum()


def test_a_blur_keeps_a_flat_picture_and_spreads_a_point():
    np.testing.assert_allclose(blurred(np.full((2, SIDE, SIDE, 3), 0.25, np.float32), 6.0), 0.25, rtol=1e-5)
    point = np.zeros((SIDE, SIDE, 1), np.float32)
    point[32, 32] = 1
    spread = blurred(point, 2.0)[..., 0]
    assert spread[32, 32] == pytest.approx(1 / (2 * np.pi * 4), rel=0.01)
    np.testing.assert_allclose(spread, spread.T, atol=1e-7)
