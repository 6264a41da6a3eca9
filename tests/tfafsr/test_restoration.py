"""Restoration gains: PSNR and SSIM over the untouched input, inside and outside the mask."""

import numpy as np
import pytest
import tensorflow as tf

from tfafsr.restoration import GAINS, restoration_gains


@pytest.fixture(scope="module")
def images():
    """Target, input and reconstruction of three faces, uint8, and a mask."""
    rng = np.random.default_rng(0)
    target = rng.integers(40, 200, (3, 32, 32, 3)).astype(np.uint8)
    frame, restored = (np.clip(target + rng.normal(0, sd, target.shape), 0, 255).astype(np.uint8) for sd in (12, 6))
    mask = np.zeros((3, 32, 32, 1), np.uint8)
    mask[:2, 8:20, 8:20] = 255
    return target, frame, restored, mask


def gains(target, frame, restored, mask, target_known=(1, 1, 1), mask_known=(1, 1, 1)):
    known = (np.array(target_known), np.array(mask_known))
    found = restoration_gains(frame, restored / np.float32(127.5) - 1, target, mask, *known)
    return {name: (values.numpy(), weights.numpy()) for name, (values, weights) in found.items()}


def psnr(one, other):
    return 10 * np.log10(255**2 / np.mean((one.astype(float) - other) ** 2))


def test_gains_are_the_differences_of_psnr_and_of_ssim(images):
    target, frame, restored, mask = images
    found = gains(*images)
    assert tuple(found) == GAINS
    inside = mask[0, ..., 0] > 0
    for name, where in (("", inside | True), ("inside_", inside), ("outside_", ~inside)):
        expected = psnr(target[0][where], restored[0][where]) - psnr(target[0][where], frame[0][where])
        assert found[f"restoration_gain_{name}db"][0][0] == pytest.approx(expected, abs=1e-3)
        assert expected > 3
    assert 0 < found["restoration_gain_ssim"][0][0] < 1
    best = gains(target, frame, target, mask)["restoration_gain_ssim"][0]
    np.testing.assert_allclose(best, 1 - tf.image.ssim(tf.constant(target), tf.constant(frame), 255), atol=1e-5)


def test_what_has_no_target_no_mask_or_nothing_to_gain_does_not_count(images):
    target, frame, restored, mask = images
    found = gains(*images, target_known=(1, 0, 1), mask_known=(0, 1, 1))
    weights = {name: pair[1].tolist() for name, pair in found.items()}
    assert weights["restoration_gain_db"] == weights["restoration_gain_ssim"] == [1, 0, 1]
    assert weights["restoration_gain_inside_db"] == [0, 0, 0]  # the third face has an empty mask
    assert weights["restoration_gain_outside_db"] == [0, 0, 1]
    same = gains(target, target, restored, mask)
    assert not any(pair[1].any() for pair in same.values())
    perfect = gains(target, frame, target, mask)
    assert all(np.isfinite(pair[0]).all() for pair in perfect.values())
