"""Hulls: inside of the face, with a soft edge, each kind where its name says, the same for the same seed."""

import cv2
import numpy as np
import pytest

from records.forge.mesh import RENDERED, Hull
from records.forge.mesh.hulls import KINDS
from records.forge.people import Pose, make_person
from records.forge.people.rendered_mesh import rendered_mesh

SIZE = 208


@pytest.fixture(scope="module")
def mesh():
    return rendered_mesh(make_person(0, "000"), Pose(), SIZE, SIZE)


def alpha(mesh, seed=0, kind="face", **ranges):
    return Hull.of(np.random.default_rng(seed), (kind,), **ranges).alpha(mesh, RENDERED, SIZE, SIZE)


@pytest.mark.parametrize("kind", [*KINDS, "lower"])
def test_a_hull_lies_inside_of_the_outline(mesh, kind):
    outline = np.zeros((SIZE, SIZE), np.uint8)
    cv2.fillConvexPoly(outline, np.rint(cv2.convexHull(mesh)).astype(np.int32), 1)
    for seed in range(5):
        opacity = alpha(mesh, seed, kind)
        assert opacity.max() == 1
        assert not opacity[cv2.dilate(outline, np.ones((3, 3))) == 0].any()


def test_each_kind_is_where_its_name_says(mesh):
    nose = mesh[list(RENDERED.nose)].mean(axis=0)
    brows = mesh[list(RENDERED.left_brow + RENDERED.right_brow)][:, 1].min()
    assert alpha(mesh, kind="face")[: int(brows) - 4].any()
    assert not alpha(mesh, kind="without forehead")[: int(brows) - 2].any()
    assert not alpha(mesh, kind="lower")[: int(nose[1]) - 3].any()
    assert alpha(mesh, kind="inner").sum() < alpha(mesh, kind="without forehead").sum()


def test_a_wider_feather_gives_a_softer_edge(mesh):
    hard, soft = (alpha(mesh, feather=(width, width)) for width in (0.02, 0.3))
    steepest = [np.abs(np.diff(opacity, axis=1)).max() for opacity in (hard, soft)]
    assert steepest[0] > 3 * steepest[1]


def test_equal_seeds_give_equal_hulls_and_others_do_not(mesh):
    np.testing.assert_array_equal(alpha(mesh, 1), alpha(mesh, 1))
    assert np.abs(alpha(mesh, 1) - alpha(mesh, 2)).max() > 0.1


def test_a_face_at_the_edge_of_the_picture_is_cut(mesh):
    opacity = alpha(mesh - (60, 0))
    assert opacity.shape == (SIZE, SIZE)
    assert not opacity[:, 0].any()
