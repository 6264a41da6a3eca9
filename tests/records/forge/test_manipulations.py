"""Each family changes the face, only the face, and leaves its sharpness about as it was."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from records.forge.geometry import region
from records.forge.manipulations import METHODS, Manipulation
from records.forge.manipulations.blending import colour_shift, match_colour, match_detail, relight
from records.forge.people.clips import RenderedFaces
from records.forge.seeds import generator

SIZE = 192


@pytest.fixture(scope="module")
def clips():
    faces = RenderedFaces(0, SIZE, 2)
    return faces.clip("000"), faces.clip("001")


@pytest.fixture(scope="module", params=METHODS)
def forged(request, clips):
    target, source = clips
    manipulation = Manipulation(request.param, 0, "000", "001", 2)
    return manipulation.apply(1, target.frames[1], target.points[1], source.frames[0], source.points[0])


def test_what_the_mask_leaves_out_is_untouched(forged, clips):
    image, mask = forged
    target = clips[0]
    change = np.abs(image - target.frames[1]).max(axis=2)
    outside = region(target.points[1], SIZE, SIZE) == 0
    assert mask.dtype == np.uint8
    assert set(np.unique(mask)) == {0, 255}
    assert not mask[outside].any()
    assert change[outside].max() == 0
    # The mask begins at 5% opacity: what little shows through below that is far under a visible difference.
    assert np.quantile(change[mask == 0], 0.999) < 8


def test_the_face_is_really_changed(forged, clips):
    image, mask = forged
    change = np.abs(image - clips[0].frames[1]).mean(axis=2)
    assert 0.02 < (mask > 0).mean() < 0.5
    assert change[mask > 0].mean() > 4


def test_sharpness_does_not_tell(forged, clips):
    image, mask = forged
    sharpness = [
        np.square(cv2.Laplacian(cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY), cv2.CV_32F))[mask > 0].mean()
        for frame in (image, clips[0].frames[1])
    ]
    assert 0.4 < sharpness[0] / sharpness[1] < 2.5


@pytest.mark.parametrize("method", METHODS)
def test_the_same_names_give_the_same_face_and_others_another(method, clips):
    target, source = clips

    def face(seed, target_name):
        manipulation = Manipulation(method, seed, target_name, "001", 2)
        return manipulation.apply(0, target.frames[0], target.points[0], source.frames[0], source.points[0])[0]

    np.testing.assert_array_equal(face(0, "000"), face(0, "000"))
    assert np.abs(face(0, "000") - face(1, "000")).max() > 1
    assert np.abs(face(0, "000") - face(0, "009")).max() > 1


def test_matched_detail_makes_up_for_a_blur():
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


def test_matched_colour_has_the_means_of_the_other():
    rng = np.random.default_rng(0)
    face, like = rng.uniform(80, 120, (8, 8, 3)), rng.uniform(90, 140, (8, 8, 3))
    mask = np.ones((8, 8))
    matched = match_colour(face, like, mask)
    np.testing.assert_allclose(matched.mean(axis=(0, 1)), like.mean(axis=(0, 1)))


def test_a_colour_shift_has_the_length_asked_for():
    for seed in range(20):
        assert 10 <= np.linalg.norm(colour_shift(np.random.default_rng(seed), 10, 20)) <= 20


def test_light_from_the_right_brightens_the_right():
    u, v = np.meshgrid(np.linspace(-1, 1, 5), np.linspace(-1, 1, 5))
    lit = relight(np.full((5, 5, 3), 100.0), u, v, angle=0.0, strength=0.2)
    np.testing.assert_allclose(lit[2, [0, 2, 4], 0], [100 * np.exp(-0.2), 100, 100 * np.exp(0.2)])
