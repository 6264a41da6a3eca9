"""Drawn people: the same each time, different from each other, moving, and found by MTCNN where they say they are."""

from __future__ import annotations

import numpy as np
import pytest

from records.building import face_detector
from records.forge.camera.motion import Expression, canvas_size, clip_motion, move, moved_points
from records.forge.people.clips import RenderedFaces
from records.forge.people.person import person
from records.forge.people.rendered import Pose, draw
from records.forge.seeds import generator, smooth_path

SIZE = 208


def test_equal_names_give_equal_numbers_and_others_do_not():
    numbers = [generator(0, "a", "1").random(), generator(0, "a", "1").random(), generator(0, "a1").random()]
    assert numbers[0] == numbers[1] != numbers[2]


def test_a_path_is_smooth_and_bounded():
    path = smooth_path(generator(3), 100, 2.0)
    assert path.dtype == np.float32
    assert np.abs(path).max() <= 2.0
    # Two sinusoids of at most 1.4 cycles in 100 frames: no step is larger than 2 * 2 pi * 1.4 / 100.
    assert np.abs(np.diff(path)).max() < 0.18


def test_a_clip_is_a_function_of_seed_and_identity():
    first, again, other, reseeded = (
        RenderedFaces(seed, 128, 2).clip(identity)
        for seed, identity in ((0, "001"), (0, "001"), (0, "002"), (1, "001"))
    )
    np.testing.assert_array_equal(first.frames, again.frames)
    assert np.abs(first.frames[0] - other.frames[0]).mean() > 5
    assert np.abs(first.frames[0] - reseeded.frames[0]).mean() > 5


def test_every_frame_moves():
    clip = RenderedFaces(0, 128, 4).clip("004")
    for one, next_one, points, next_points in zip(
        clip.frames, clip.frames[1:], clip.points, clip.points[1:], strict=False
    ):
        assert np.abs(one - next_one).mean() > 0.1
        assert np.abs(points - next_points).max() > 0.1


def test_the_head_turns_and_the_nose_moves_more_than_the_mouths_corners():
    who = person(0, "000")
    _, still = draw(who, Pose(), SIZE, SIZE)
    _, turned = draw(who, Pose(yaw=0.2), SIZE, SIZE)
    shift = (turned - still)[:, 0]
    assert shift[2] > shift[3] > 0  # what is nearer moves further


def test_no_expression_moves_no_pixel_and_no_point():
    canvas, points = draw(person(0, "000"), Pose(), 128, canvas_size(128))
    still = clip_motion(0, "000", 1, 128, strength=0.0)
    assert still.expressions[0] == Expression().scaled(0.0)
    np.testing.assert_allclose(moved_points(points, Expression()), points, atol=1e-3)
    image, moved = move(canvas, points, still, 0, 128)
    assert image.shape == (128, 128, 3)
    assert 0 <= image.min() <= image.max() <= 255
    np.testing.assert_allclose(moved, points @ still.similarities[0][:, :2].T + still.similarities[0][:, 2], atol=1e-2)


def test_a_smile_lifts_the_corners_of_the_mouth_and_parts_them():
    _, points = draw(person(0, "000"), Pose(), SIZE, SIZE)
    moved = moved_points(points, Expression(smile=1.0))
    assert np.all(moved[3:, 1] < points[3:, 1])
    assert moved[4, 0] - moved[3, 0] > points[4, 0] - points[3, 0]
    np.testing.assert_allclose(moved[:2], points[:2], atol=0.5)


@pytest.mark.slow
def test_mtcnn_finds_drawn_people_where_they_are():
    faces, detector = RenderedFaces(5, SIZE, 1), face_detector()
    found, errors = 0, []
    for number in range(20):
        clip = faces.clip(f"{number:03d}")
        detected = detector.detect(clip.camera.expose(clip.frames[0], 0))
        found += len(detected) == 1
        errors += [np.abs(face.keypoints - clip.points[0]).max() / SIZE for face in detected]
    assert found >= 19  # 97% or more of many; 20 frames leave room for one miss
    assert np.median(errors) < 0.03
