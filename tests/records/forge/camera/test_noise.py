"""Sensor noise depends on seed, identity and frame alone; exposure stays within the range of values."""

import numpy as np
import pytest

from records.forge.camera import Camera


def test_noise_has_its_strength_and_is_repeated_exactly():
    camera = Camera.of(0, "001", 4)
    grey = np.full((128, 128, 3), 64.0, np.float32)
    noisy = camera.expose(grey, 2)
    np.testing.assert_array_equal(noisy, Camera.of(0, "001", 4).expose(grey, 2))
    assert np.abs(noisy.astype(int) - camera.expose(grey, 3)).mean() > 0
    # At 64 of 255, shot noise has sqrt(64 / 255) of its full strength; rounding adds a variance of 1/12.
    expected = np.hypot(camera.read_noise + camera.shot_noise * np.sqrt(64 / 255), np.sqrt(1 / 12))
    assert noisy.std() == pytest.approx(expected, rel=0.02)


def test_light_keeps_black_and_stays_in_range():
    camera = Camera.of(0, "002", 3)
    lit = camera.light(np.stack([np.zeros((4, 4, 3)), np.full((4, 4, 3), 255.0)])[1].astype(np.float32), 1)
    assert lit.dtype == np.float32
    assert 200 < lit.min() <= lit.max() <= 255
    assert camera.light(np.zeros((4, 4, 3), np.float32), 1).max() == 0
