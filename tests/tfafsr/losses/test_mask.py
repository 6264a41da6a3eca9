"""The loss of the mask head on hand-worked masks."""

import numpy as np
import pytest

from tfafsr.losses import mask_loss
from tfafsr.losses.mask import cell_shares
from tfafsr.tfe import cell_stride


def cross_entropy(share, logit):
    probability = 1 / (1 + np.exp(-logit))
    return -(share * np.log(probability) + (1 - share) * np.log(1 - probability))


def test_a_cell_sees_the_pixels_around_its_centre():
    mask = np.zeros((1, 8, 8, 1), np.float32)
    mask[0, :, 3:5] = 1  # cells of stride 4 are centred on columns 0 and 4: the second one sees columns 2 to 6
    shares = np.asarray(cell_shares(mask, 2, 4))[0, :, :, 0]
    np.testing.assert_allclose(shares, [[0, 2 / 5], [0, 2 / 5]])


def test_the_last_cell_of_225_pixels_sees_those_around_pixel_224():
    mask = np.zeros((1, 225, 225, 1), np.float32)
    mask[0, 208:, :] = 1
    shares = np.asarray(cell_shares(mask, 8, cell_stride(225)))[0, :, 0, 0]
    np.testing.assert_allclose(shares, [0, 0, 0, 0, 0, 0, 1 / 33, 1], atol=1e-6)  # of pixels 176 to 208, and 208 to 224


@pytest.mark.parametrize(("size", "cells"), [(96, 12), (128, 8), (225, 8), (64, 8)])
def test_shares_of_a_full_and_of_an_empty_mask(size, cells):
    np.testing.assert_allclose(
        cell_shares(np.ones((2, size, size, 1), np.float32), cells, cell_stride(size)), 1, rtol=1e-5
    )
    np.testing.assert_allclose(cell_shares(np.zeros((2, size, size, 1), np.float32), cells, cell_stride(size)), 0)


def test_the_loss_is_the_mean_cross_entropy_of_the_cells():
    rng = np.random.default_rng(0)
    mask = (rng.random((3, 8, 8, 1)) < 0.3).astype(np.float32)
    logits = rng.normal(size=(3, 2, 2, 1)).astype(np.float32)
    each = cross_entropy(np.asarray(cell_shares(mask, 2, 4)), logits).mean(axis=(1, 2, 3))
    assert float(mask_loss(mask, logits, 4)) == pytest.approx(each.mean(), rel=1e-5)
    known = np.array([1, 0, 1])
    assert float(mask_loss(mask, logits, 4, known)) == pytest.approx(each[[0, 2]].mean(), rel=1e-5)


def test_without_a_known_mask_the_loss_is_0():
    assert float(mask_loss(np.ones((2, 8, 8, 1)), np.zeros((2, 2, 2, 1)), 4, np.zeros(2))) == 0
