"""MTCNN, with the networks of the `mtcnn` package, finds drawn faces at the right place."""

import numpy as np
import pytest

from records.building import face_detector


@pytest.fixture(scope="module")
def detector():
    return face_detector()


def test_a_drawn_face_and_its_key_points(detector, clip_frames):
    frame = next(clip_frames(5, frames=1))
    (face,) = detector.detect(frame)
    y0, x0, y1, x1 = face.box
    assert y0 < 72 < y1  # the eyes are drawn at y = 72, the mouth at 111
    assert x0 < 61 < x1
    assert face.keypoints.dtype == np.float32
    # The face's centre is (79, 80), its height 100. Relative to the centre, the eyes are at (+-18, -8), the tip of the
    # nose at (0, +17) and the corners of the mouth near (+-14, +31).
    expected = [[61, 72], [97, 72], [79, 95], [65, 111], [93, 111]]
    np.testing.assert_allclose(face.keypoints, expected, atol=9)
    assert 0.8 < face.score <= 1


def test_several_faces_the_largest_first(detector, backdrop, draw_face):
    frame = backdrop(200, 360)
    draw_face(frame, 90, 100, 90, seed=5)
    draw_face(frame, 250, 100, 130, seed=5)
    faces = detector.detect(frame)
    assert len(faces) == 2
    assert faces[0].area > faces[1].area
    assert faces[0].box[1] < 250 < faces[0].box[3]
    assert faces[1].box[1] < 90 < faces[1].box[3]


@pytest.mark.parametrize("shape", [(160, 160), (30, 400), (24, 24), (23, 23), (1, 1), (1300, 40)])
def test_no_face_is_an_empty_list(detector, shape):
    assert detector.detect(np.full((*shape, 3), 128, np.uint8)) == []


def test_noise_is_no_face(detector):
    assert detector.detect(np.random.default_rng(0).integers(0, 256, (120, 120, 3), dtype=np.uint8)) == []


def test_a_large_frame_is_shrunk_and_its_face_is_found_at_the_same_place(detector, clip_frames):
    small = next(clip_frames(5, frames=1))
    (face,) = detector.detect(small)
    (large,) = detector.detect(np.kron(small, np.ones((8, 8, 1), np.uint8)))  # 1280 x 1280
    np.testing.assert_allclose(np.array(large.box) / 8, face.box, atol=8)
    np.testing.assert_allclose(large.keypoints / 8, face.keypoints, atol=5)


def test_the_same_frame_gives_the_same_face(detector, clip_frames):
    frame = next(clip_frames(5, frames=1))
    first, second = detector.detect(frame)[0], detector.detect(frame)[0]
    assert (first.box, first.score) == (second.box, second.score)
    np.testing.assert_array_equal(first.keypoints, second.keypoints)


@pytest.mark.parametrize("frame", [np.zeros((64, 64), np.uint8), np.zeros((64, 64, 3), np.float32)])
def test_an_array_that_is_not_an_rgb_frame_is_refused(detector, frame):
    with pytest.raises(ValueError, match="uint8"):
        detector.detect(frame)
