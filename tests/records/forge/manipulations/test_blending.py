"""Operations that the methods share: colours, light and detail."""

import cv2
import numpy as np

from records.forge.manipulations.blending import match_colour, match_detail, match_shading, poisson, relight, skin_shift
from records.forge.seeds import generator


def test_matching_detail_restores_a_part_of_the_detail_that_a_blur_removed():
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
    assert 1.8 * energy(blurred) < energy(matched) < 1.2 * energy(like)
    np.testing.assert_array_equal(matched[:8], blurred[:8])


def test_matching_colour_gives_the_other_images_means():
    rng = np.random.default_rng(0)
    face, like = rng.uniform(80, 120, (8, 8, 3)), rng.uniform(90, 140, (8, 8, 3))
    mask = np.ones((8, 8))
    matched = match_colour(face, like, mask)
    np.testing.assert_allclose(matched.mean(axis=(0, 1)), like.mean(axis=(0, 1)))


def test_a_skin_shift_is_brightness_and_warmth_and_grows_with_strength():
    weak, strong = (
        np.array([skin_shift(np.random.default_rng(seed), strength) for seed in range(200)]) for strength in (0.1, 1.0)
    )
    np.testing.assert_allclose(strong[:, 0] + strong[:, 2], 2 * strong[:, 1], atol=1e-4)  # no green, no violet
    assert np.abs(weak).mean() < 0.15 * np.abs(strong).mean()
    assert np.abs(strong[:, 1]).max() < 16


def test_matching_shading_takes_over_light_from_one_side_and_keeps_detail():
    x = np.linspace(-1, 1, 64, dtype=np.float32)
    detail = np.random.default_rng(0).normal(0, 5, (64, 64, 1)).astype(np.float32)
    face = np.full((64, 64, 3), 120, np.float32) + detail
    like = np.broadcast_to((120 + 40 * x)[:, None], (64, 64, 3)).astype(np.float32)
    matched = match_shading(face, like, np.ones((64, 64), np.float32), 8.0, 1.0)
    assert matched[:, -8:].mean() - matched[:, :8].mean() > 40
    assert (matched - matched.mean(axis=0)).std() > 3
    np.testing.assert_array_equal(match_shading(face, like, np.ones((64, 64), np.float32), 8.0, 0.0), face)


def test_poisson_fits_the_border_and_keeps_the_gradients():
    into = np.full((64, 64, 3), 80, np.float32)
    face = np.full((64, 64, 3), 150, np.float32)
    face[28:36, 28:36] += 40
    mask = np.zeros((64, 64), np.float32)
    mask[16:48, 16:48] = 1
    fitted = poisson(face, into, mask)
    assert np.abs(fitted[18:22, 20:44] - 80).mean() < 4
    assert fitted[32, 32, 0] - fitted[22, 22, 0] > 30
    np.testing.assert_array_equal(poisson(face, into, 0 * mask), face)


def test_light_from_the_right_brightens_the_right():
    u, v = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    lit = relight(np.full((5, 5, 3), 100.0), u, v, angle=0.0, strength=0.2)
    np.testing.assert_allclose(lit[2, [0, 2, 4], 0], [100 * np.exp(-0.2), 100, 100 * np.exp(0.2)])
