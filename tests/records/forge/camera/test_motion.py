"""Motion: without an expression nothing moves, and a smile moves the corners of the mouth."""

import numpy as np

from records.forge.camera import Expression, canvas_size, clip_motion, move, moved, moved_points
from records.forge.people import Pose, draw, make_person

SIZE = 208


def test_no_expression_moves_no_pixel_and_no_point():
    canvas, points = draw(make_person(0, "000"), Pose(), 128, canvas_size(128))
    still = clip_motion(0, "000", 1, 128, strength=0.0)
    assert still.expressions[0] == Expression().scaled(0.0)
    np.testing.assert_allclose(moved_points(points, points, Expression()), points, atol=1e-3)
    image = move(canvas, points, still, 0, 128)
    assert image.shape == (128, 128, 3)
    assert 0 <= image.min() <= image.max() <= 255
    placed = moved(points, points, still, 0)
    np.testing.assert_allclose(placed, points @ still.similarities[0][:, :2].T + still.similarities[0][:, 2], atol=1e-2)


def test_a_smile_moves_the_corners_of_the_mouth_up_and_apart():
    _, points = draw(make_person(0, "000"), Pose(), SIZE, SIZE)
    smiling = moved_points(points, points, Expression(smile=1.0))
    assert np.all(smiling[3:, 1] < points[3:, 1])
    assert smiling[4, 0] - smiling[3, 0] > points[4, 0] - points[3, 0]
    np.testing.assert_allclose(smiling[:2], points[:2], atol=0.5)
