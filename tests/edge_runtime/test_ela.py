import cv2
import numpy as np
import pytest

from edge_runtime.ela import error_level_analysis
from records import ela as records_ela


@pytest.mark.parametrize(("height", "width"), [(64, 64), (65, 97), (225, 225)])
@pytest.mark.parametrize("quality", [75, 90, 95])
def test_the_error_levels_are_the_records_byte_for_byte(height, width, quality):
    rng = np.random.default_rng(height)
    image = cv2.GaussianBlur(rng.integers(0, 256, (height, width, 3)).astype(np.uint8), (0, 0), 1.0)
    expected = records_ela.error_level_analysis(image, quality)
    assert expected.any()
    np.testing.assert_array_equal(error_level_analysis(image, quality), expected)
