"""Tests of records/forge/networks/crops.py."""

import cv2
import numpy as np
import pytest

from records.forge.networks import SIDE, crop_points, face_crop, paste_crop
from records.forge.networks.crops import CANONICAL, to_crop
from records.forge.people import RenderedFaces


def turned(angle, scale, shift):
    """The canonical key points, turned by `angle` degrees, scaled and shifted."""
    radians = np.radians(angle)
    matrix = scale * np.array(((np.cos(radians), -np.sin(radians)), (np.sin(radians), np.cos(radians))))
    return (CANONICAL @ matrix.T + shift).astype(np.float32)


@pytest.fixture(name="clip", scope="module")
def _clip():
    return RenderedFaces(seed=1, size=160, frames=2).clip("004")


def test_key_points_come_to_their_places():
    points = turned(20, 2.5, (30, 40))
    np.testing.assert_allclose(crop_points(points, points), CANONICAL, atol=1e-3)


def test_a_similarity_keeps_angles():
    points = turned(-35, 1.7, (10, 80)) + np.random.default_rng(0).normal(0, 2, (5, 2))
    a, b = to_crop(points)[:, :2]
    assert a @ b == pytest.approx(0, abs=1e-6)
    assert np.hypot(*a) == pytest.approx(np.hypot(*b))


def test_the_whole_face_is_inside(clip):
    outline = list(clip.topology.outline)
    for mesh, points in zip(clip.meshes, clip.points, strict=True):
        places = crop_points(mesh, points)[outline]
        assert places.min() > 1
        assert places.max() < SIDE - 2


def test_a_crop_pasted_back_is_the_face(clip):
    image, points = clip.frames[0], clip.points[0]
    pasted = paste_crop(face_crop(image, points), points, *image.shape[:2])
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(clip.meshes[0]).astype(np.int32)), 1)
    error = np.abs(pasted - image)[inside == 1].mean()
    moved = np.abs(np.roll(pasted, 2, axis=1) - image)[inside == 1].mean()
    assert error < 4
    assert error < 0.6 * moved
    assert pasted.dtype == np.float32


def test_shrinking_does_not_alias():
    """Stripes of two pixels vanish in a crop at a quarter of the size; without the blur they beat."""
    stripes = np.tile(np.array((0, 0, 255, 255), np.float32), (400, 100))
    image = np.repeat(stripes[..., None], 3, axis=2)
    crop = face_crop(image, turned(7, 4.3, (60, 60)))
    assert crop[8:-8, 8:-8].std() < 6


def test_beyond_the_frame_the_edge_is_repeated():
    crop = face_crop(np.full((50, 50, 3), 77, np.float32), turned(0, 1.0, (-20, -20)))
    np.testing.assert_allclose(crop, 77, atol=1e-3)
