"""Heat maps in NumPy equal those of the Keras layer."""

import numpy as np
import pytest

from faces import keypoint_heatmaps
from tfafsr.layers import KeypointHeatmaps


@pytest.mark.parametrize(("size", "stride"), [(64, 8), (96, 8), (225, 32)])
def test_the_maps_are_those_of_the_layer(size, stride):
    keypoints = np.random.default_rng(size).uniform(0, 1, (3, 5, 2)).astype(np.float32)
    expected = KeypointHeatmaps(size, stride)(keypoints).numpy()
    maps = keypoint_heatmaps(keypoints, size, stride, 0.75)
    assert maps.dtype == np.float32
    np.testing.assert_allclose(maps, expected, rtol=1e-4, atol=1e-5)
