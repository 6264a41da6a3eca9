"""The face mesh network: its mesh follows the face, and what is no face is refused."""

import cv2
import numpy as np
import pytest

from records.forge.geometry import transform
from records.forge.mesh import MEDIAPIPE, MeshError, find_mesh, head_pose
from records.forge.people import Pose, RenderedFaces, draw, make_person

SIDE = 208


@pytest.fixture(scope="module")
def face():
    clip = RenderedFaces(0, SIDE, 1).clip("001")
    return np.rint(clip.frames[0]).astype(np.uint8), clip.points[0]


def test_the_mesh_is_in_the_pictures_pixels(face):
    image, points = face
    mesh, confidence = find_mesh(image, points)
    assert mesh.shape == (468, 3)
    assert mesh.dtype == np.float32
    assert confidence > 20
    for part, point in (("left_eye", 0), ("right_eye", 1)):
        middle = mesh[list(getattr(MEDIAPIPE, part)), :2].mean(axis=0)
        assert np.linalg.norm(middle - points[point]) < 0.03 * SIDE


def test_a_turned_picture_gives_the_turned_mesh(face):
    image, points = face
    matrix = cv2.getRotationMatrix2D((SIDE / 2, SIDE / 2), 25, 0.8)
    turned = cv2.warpAffine(image, matrix, (SIDE, SIDE), borderMode=cv2.BORDER_REFLECT_101)
    mesh, _ = find_mesh(image, points)
    found, _ = find_mesh(turned, transform(matrix, points))
    error = np.linalg.norm(found[:, :2] - transform(matrix, mesh[:, :2]), axis=1)
    assert np.median(error) < 0.02 * SIDE


def test_a_large_picture_gives_the_same_mesh(face):
    image, points = face
    large = cv2.resize(image, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    mesh, _ = find_mesh(image, points)
    found, _ = find_mesh(large, 4 * points)
    assert np.median(np.linalg.norm(found[:, :2] / 4 - mesh[:, :2], axis=1)) < 0.01 * SIDE


def test_noise_has_no_mesh(face):
    noise = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), np.uint8)
    with pytest.raises(MeshError, match=r"no mesh of the face: confidence -?[0-9]+, needed 15"):
        find_mesh(noise, face[1])


def test_the_pose_has_the_sign_of_the_turn():
    yaws = []
    for yaw in (-0.3, 0.3):
        image, points = draw(make_person(0, "001"), Pose(yaw=yaw), SIDE, SIDE)
        yaws.append(head_pose(find_mesh(np.rint(image).astype(np.uint8), points)[0])[0])
    assert abs(yaws[1] - yaws[0]) > 10
    assert yaws[0] * yaws[1] < 0
