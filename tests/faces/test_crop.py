"""Crops are square and centred and repeat the image's edge; key points are fractions of the crop."""

import numpy as np
import pytest

from faces import crop_box, crop_square, normalise_keypoints


def test_the_box_becomes_a_square_of_its_longer_side_times_scale():
    # 100 high, 60 wide, centre (150, 130): a square of 130 around that centre.
    np.testing.assert_array_equal(crop_box((100, 100, 200, 160)), [85, 65, 215, 195])


@pytest.mark.parametrize("box", [(0, 0, 0, 10), (10, 0, 5, 10), (0, 0, 10, float("nan"))])
def test_an_empty_box_is_refused(box):
    with pytest.raises(ValueError, match="positive area"):
        crop_box(box)


def test_a_crop_inside_the_image_at_its_own_size_is_a_slice():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    np.testing.assert_array_equal(crop_square(image, np.float32([5, 10, 25, 30]), 20), image[5:25, 10:30])


def test_pixels_beyond_the_image_repeat_its_edge():
    image = np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)
    result = crop_square(image, np.float32([-4, -6, 16, 14]), 20)
    np.testing.assert_array_equal(result[4:, 6:], image[:16, :14])
    np.testing.assert_array_equal(result[:4, 6:], np.repeat(image[:1, :14], 4, axis=0))
    np.testing.assert_array_equal(result[4:, :6], np.repeat(image[:16, :1], 6, axis=1))


@pytest.mark.parametrize("size", [16, 64, 225])
def test_any_size_and_one_channel(size):
    assert crop_square(np.zeros((40, 50), np.uint8), np.float32([0, 0, 30, 30]), size).shape == (size, size, 1)


def test_a_box_outside_of_the_image_is_refused():
    with pytest.raises(ValueError, match="outside of the image"):
        crop_square(np.zeros((40, 50, 3), np.uint8), np.float32([50, 0, 60, 10]), 10)


def test_keypoints_are_fractions_of_the_crop_and_stay_inside():
    points = np.array([[65, 85], [130, 150], [195, 215], [0, 0], [400, 150]])
    expected = [[0, 0], [0.5, 0.5], [1, 1], [0, 0], [1, 0.5]]
    np.testing.assert_allclose(normalise_keypoints(points, np.float32([85, 65, 215, 195])), expected, atol=1e-6)
