"""XceptionNet against its publication."""

import numpy as np

from tfafsr.baselines import baseline


def test_has_the_published_number_of_parameters():
    """With the 1,000 classes of ImageNet: 22,910,480."""
    net = baseline("xception")(size=64, input_size=80).get_layer("xception")
    assert net.count_params() + 2048 * 1000 + 1000 == 22_910_480


def test_sees_values_from_minus_one_to_one():
    scale = baseline("xception")(size=64, input_size=80).get_layer("scale")
    assert np.allclose(scale(np.array([0.0, 127.5, 255.0])), [-1, 0, 1], atol=1e-6)
