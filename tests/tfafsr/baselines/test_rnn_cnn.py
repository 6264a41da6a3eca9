"""RNN-CNN against its publication; what it makes of bursts and of single faces."""

import keras
import numpy as np
import pytest

from tfafsr import SCORES
from tfafsr.baselines import baseline


@pytest.fixture(scope="module")
def model():
    return baseline("rnn_cnn")(size=64, input_size=32)


@pytest.fixture(scope="module")
def bursts():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 64, 64, 3), dtype=np.uint8)


def test_has_the_published_number_of_parameters(model):
    """DenseNet-121 with the 1,000 classes of ImageNet, and the statistics of batch normalisation: 8,062,504."""
    assert model.get_layer("densenet121").count_params() + 1024 * 1000 + 1000 == 8_062_504


def test_colours_are_normalised_as_for_imagenet(model):
    scale = keras.Sequential([model.get_layer("scale"), model.get_layer("colours")])
    found = np.asarray(scale(np.full((1, 2, 2, 3), 255.0)))[0, 0, 0]
    assert np.allclose(found, [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225], atol=1e-3)


def test_each_burst_has_a_score_of_its_own_that_depends_on_the_order(model, bursts):
    together = model({"frame": bursts}, training=False)["logit"].numpy()
    assert together.shape == (2, 1)
    alone = np.concatenate([model({"frame": bursts[i : i + 1]}, training=False)["logit"].numpy() for i in (0, 1)])
    np.testing.assert_allclose(together, alone, atol=1e-4)
    swapped = bursts[:, [1, 0, 2, 3, 4]]
    assert np.abs(model({"frame": swapped}, training=False)["logit"] - together).min() > 1e-6


def test_a_single_face_is_one_that_stands_still(model, bursts):
    faces = bursts[:, 0]
    expected = model({"frame": np.repeat(faces[:, None], 5, axis=1)}, training=False)
    found = model.deployed()({"frame": faces}, training=False)
    assert {*SCORES} <= {*found}
    np.testing.assert_allclose(found["logit"], expected["logit"], atol=1e-4)
