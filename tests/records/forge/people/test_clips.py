"""Rendered people: reproducible, different from each other, moving, and found by MTCNN."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from records.building import face_detector
from records.forge.people import Photograph, PhotographedFaces, Pose, RenderedFaces, draw, make_person

SIZE = 208


def test_a_clip_depends_on_seed_and_identity_alone():
    first, again, other, reseeded = (
        RenderedFaces(seed, 128, 2).clip(identity)
        for seed, identity in ((0, "001"), (0, "001"), (0, "002"), (1, "001"))
    )
    np.testing.assert_array_equal(first.frames, again.frames)
    assert np.abs(first.frames[0] - other.frames[0]).mean() > 5
    assert np.abs(first.frames[0] - reseeded.frames[0]).mean() > 5


def test_every_frame_moves():
    clip = RenderedFaces(0, 128, 4).clip("004")
    for frame, next_frame, points, next_points in zip(
        clip.frames, clip.frames[1:], clip.points, clip.points[1:], strict=False
    ):
        assert np.abs(frame - next_frame).mean() > 0.1
        assert np.abs(points - next_points).max() > 0.1


def test_a_part_of_the_photographs_is_enough_for_a_part_of_the_people():
    photographs = {name: Photograph(f"{name}.jpg", (0, 0, 1, 1), (), (), (0, 0), (0, 0, 0)) for name in ("000", "001")}
    faces = PhotographedFaces(0, 128, 2, Path("photographs"), photographs)
    assert faces.only("001") == replace(faces, photographs={"001": photographs["001"]})
    assert RenderedFaces(0, 128, 2).only("001") == RenderedFaces(0, 128, 2)


def test_if_the_head_turns_the_nose_moves_more_than_the_corners_of_the_mouth():
    person = make_person(0, "000")
    _, still = draw(person, Pose(), SIZE, SIZE)
    _, turned = draw(person, Pose(yaw=0.2), SIZE, SIZE)
    shift = (turned - still)[:, 0]
    assert shift[2] > shift[3] > 0  # the nose is nearer to the camera


def test_the_mesh_moves_with_the_face():
    clip = RenderedFaces(0, SIZE, 3).clip("004")
    for points, mesh in zip(clip.points, clip.meshes, strict=True):
        assert mesh.shape == (clip.topology.size, 2)
        for part, point in (("left_eye", 0), ("right_eye", 1)):
            middle = mesh[list(getattr(clip.topology, part))].mean(axis=0)
            assert np.linalg.norm(middle - points[point]) < 0.03 * SIZE
        corners = mesh[list(clip.topology.outer_lips)][[0, 10]]
        np.testing.assert_allclose(corners, points[3:], atol=0.03 * SIZE)


@pytest.mark.slow
def test_mtcnn_finds_the_key_points_of_rendered_people():
    faces, detector = RenderedFaces(5, SIZE, 1), face_detector()
    found, errors = 0, []
    for number in range(20):
        clip = faces.clip(f"{number:03d}")
        detected = detector.detect(clip.camera.expose(clip.frames[0], 0))
        found += len(detected) == 1
        errors += [np.abs(face.keypoints - clip.points[0]).max() / SIZE for face in detected]
    assert found >= 19  # MTCNN finds at least 97% of many; one of 20 may be missed
    assert np.median(errors) < 0.03
