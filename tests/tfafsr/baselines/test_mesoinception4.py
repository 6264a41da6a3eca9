"""MesoInception4 against its publication."""

from tests.tfafsr.baselines.counting import trainable
from tfafsr.baselines import baseline


def test_has_the_published_number_of_parameters():
    assert trainable(baseline("mesoinception4")(size=128)) == 28_615


def test_first_module_looks_as_far_as_its_dilation():
    """A 3x3 kernel of dilation 3 covers 7 pixels."""
    model = baseline("mesoinception4")(size=64, input_size=64)
    assert model.get_layer("inception1_branch4").dilation_rate == (3, 3)
    assert model.get_layer("inception1_concat").output.shape[-1] == 11
