"""Masks are the difference of a fake and its twin above a threshold."""

import numpy as np
import pytest

from records.building.masks import difference_mask


def test_the_mask_marks_differences_above_the_threshold_alone():
    real = np.full((4, 4, 3), 100, np.uint8)
    fake = real.copy()
    fake[0, 0] = 126  # 26 of 255 = 0.102
    fake[0, 1] = 125  # 25 of 255 = 0.098
    fake[1, 1] = 60  # darker
    expected = np.zeros((4, 4), np.uint8)
    expected[0, 0] = expected[1, 1] = 255
    np.testing.assert_array_equal(difference_mask(fake, real), expected)


def test_equal_frames_have_no_mask():
    frame = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    assert not difference_mask(frame, frame).any()


def test_the_difference_is_converted_to_grey():
    # Blue has the weight 0.114: a difference of 200 is 22.8 grey levels, below 25.5.
    real = np.zeros((1, 1, 3), np.uint8)
    assert difference_mask(np.array([[[0, 0, 200]]], np.uint8), real)[0, 0] == 0
    assert difference_mask(np.array([[[0, 0, 240]]], np.uint8), real)[0, 0] == 255


def test_frames_of_two_sizes_are_refused():
    with pytest.raises(ValueError, match="pristine twin"):
        difference_mask(np.zeros((4, 4, 3), np.uint8), np.zeros((4, 5, 3), np.uint8))
