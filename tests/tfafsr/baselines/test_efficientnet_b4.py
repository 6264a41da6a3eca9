"""EfficientNet-B4 against its publication."""

from tfafsr.baselines import baseline


def test_has_the_published_number_of_parameters():
    """With the 1,000 classes of ImageNet about 19 million."""
    net = baseline("efficientnet_b4")(size=64, input_size=64).get_layer("efficientnetb4")
    assert net.count_params() == 17_673_823
    assert round((net.count_params() + 1792 * 1000 + 1000) / 1e6) == 19
