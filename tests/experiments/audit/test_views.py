"""What the networks of the probe see: all but the face, or the face at few pixels."""

import cv2
import numpy as np

from experiments.audit.cues import Region
from experiments.audit.views import COARSE_SIZE, blanked_crop, coarse_crop

SIDE = 128
FACE = (36, 44, 84, 84)  # 48 pixels high: the crop of 1.3 times that is rows 29 to 91 and columns 33 to 95


def region():
    face = np.zeros((SIDE, SIDE), bool)
    face[FACE[0] : FACE[2], FACE[1] : FACE[3]] = True
    blank = cv2.dilate(face.astype(np.uint8), np.ones((33, 33), np.uint8)).astype(bool)
    return Region(face, blank, FACE)


def noise(seed):
    return np.random.default_rng(seed).integers(0, 256, (SIDE, SIDE, 3), np.uint8)


def test_the_blank_hides_the_face_from_the_network():
    blank = region().blank[..., None]
    crops = [blanked_crop(np.where(blank, image, noise(0)), region()) for image in (noise(0), noise(1))]
    np.testing.assert_array_equal(*crops)
    assert (blanked_crop(noise(1), region()) != crops[0]).any()


def test_the_coarse_crop_holds_the_means_of_the_face_and_nothing_beyond_the_records_crop():
    """62 pixels become 16, so the top left one covers 3.875 rows and columns from row 29 and column 33."""
    crop = coarse_crop(noise(0), region())
    assert crop.shape == (COARSE_SIZE, COARSE_SIZE, 3)
    weights = np.array([1, 1, 1, 0.875]) / 3.875
    corner = np.einsum("i,ijc,j->c", weights, noise(0)[29:33, 33:37].astype(float), weights)
    np.testing.assert_allclose(crop[0, 0], corner, atol=1)
    outside = noise(1)
    outside[29:91, 33:95] = noise(0)[29:91, 33:95]
    np.testing.assert_array_equal(coarse_crop(outside, region()), crop)
    violet = np.clip(noise(0) + region().face[..., None] * np.float32([40, 0, 40]), 0, 255).astype(np.uint8)
    assert np.abs(coarse_crop(violet, region()).astype(int) - crop).mean() > 5
