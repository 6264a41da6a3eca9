"""Meso4 against its publication."""

from tests.tfafsr.baselines.counting import trainable
from tfafsr.baselines import baseline


def test_has_the_published_number_of_parameters():
    assert trainable(baseline("meso4")(size=128)) == 27_977
