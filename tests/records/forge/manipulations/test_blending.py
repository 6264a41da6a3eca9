"""Operations that the methods share: colours, light and detail."""

import cv2
import numpy as np

from records.forge.manipulations.blending import colour_shift, match_colour, match_detail, relight
from records.forge.seeds import generator


def test_matching_detail_restores_the_detail_that_a_blur_removed():
    rng = generator("texture")
    like = cv2.GaussianBlur(rng.standard_normal((96, 96), dtype=np.float32), (0, 0), 1.0)
    like = np.repeat(128 + 60 * like[..., None] / like.std() / 3, 3, axis=2)
    blurred = cv2.GaussianBlur(like, (0, 0), 1.2)
    mask = np.zeros((96, 96), np.float32)
    mask[16:80, 16:80] = 1
    grain = rng.standard_normal((96, 96), dtype=np.float32)
    matched = match_detail(blurred, like, mask, 1.0, grain)

    def energy(image):
        return np.square(cv2.Laplacian(image[..., 0], cv2.CV_32F))[24:72, 24:72].mean()

    assert energy(blurred) < 0.2 * energy(like)
    assert 0.6 * energy(like) < energy(matched) < 1.7 * energy(like)
    np.testing.assert_array_equal(matched[:8], blurred[:8])


def test_matching_colour_gives_the_other_images_means():
    rng = np.random.default_rng(0)
    face, like = rng.uniform(80, 120, (8, 8, 3)), rng.uniform(90, 140, (8, 8, 3))
    mask = np.ones((8, 8))
    matched = match_colour(face, like, mask)
    np.testing.assert_allclose(matched.mean(axis=(0, 1)), like.mean(axis=(0, 1)))


def test_a_colour_shift_has_a_length_in_the_range():
    for seed in range(20):
        assert 10 <= np.linalg.norm(colour_shift(np.random.default_rng(seed), 10, 20)) <= 20


def test_light_from_the_right_brightens_the_right():
    u, v = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    lit = relight(np.full((5, 5, 3), 100.0), u, v, angle=0.0, strength=0.2)
    np.testing.assert_allclose(lit[2, [0, 2, 4], 0], [100 * np.exp(-0.2), 100, 100 * np.exp(0.2)])
