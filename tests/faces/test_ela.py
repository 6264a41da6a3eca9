"""Error level analysis in NumPy against libjpeg."""

import cv2
import numpy as np
import pytest

from faces import error_level_analysis, jpeg_round_trip


def an_image(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    coarse = rng.uniform(60, 195, (7, 7, 1)) + rng.uniform(-30, 30, (7, 7, 3))
    image = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image + rng.normal(0, 4, (height, width, 1)), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [75, 80, 85, 90, 95])
@pytest.mark.parametrize("shape", [(64, 64), (65, 71), (225, 225), (97, 128)])
def test_the_round_trip_agrees_with_libjpeg(shape, quality):
    image = an_image(*shape)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    expected = cv2.imdecode(cv2.imencode(".jpg", image[..., ::-1], flags)[1], cv2.IMREAD_COLOR)[..., ::-1]
    assert np.abs(jpeg_round_trip(image, quality) - expected).mean() < 0.5


def test_the_error_is_the_difference_times_the_gain():
    image = an_image(40, 48)
    expected = np.minimum(np.abs(image - jpeg_round_trip(image, 90)) * 20, 255)
    np.testing.assert_array_equal(error_level_analysis(image), expected)


def test_an_image_that_was_compressed_before_has_a_smaller_error():
    image = an_image(64, 64)
    once = jpeg_round_trip(image, 90).astype(np.uint8)
    assert error_level_analysis(once).mean() < 0.5 * error_level_analysis(image).mean()


@pytest.mark.parametrize(
    "image", [np.zeros((8, 8), np.uint8), np.zeros((8, 8, 3), np.float32), np.zeros((8, 8, 4), np.uint8)]
)
def test_an_array_that_is_not_an_rgb_image_is_refused(image):
    with pytest.raises(ValueError, match="must be uint8"):
        error_level_analysis(image)


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(ValueError, match="quality must be in"):
        jpeg_round_trip(an_image(8, 8), quality)
