"""Tests of records/forge/networks/layers.py."""

import keras
import numpy as np

from records.forge.networks.layers import conv, initializers, shuffled, unshuffled


def test_blocks_of_pixels_become_features_and_return():
    picture = keras.Input((4, 6, 3))
    apart = keras.Model(picture, unshuffled(picture))
    there_and_back = keras.Model(picture, shuffled(unshuffled(picture)))
    values = np.arange(2 * 4 * 6 * 3, dtype=np.float32).reshape(2, 4, 6, 3)
    features = apart(values).numpy()
    assert features.shape == (2, 2, 3, 12)
    np.testing.assert_array_equal(features[1, 1, 2], values[1, 2:4, 4:6].ravel())
    np.testing.assert_array_equal(there_and_back(values).numpy(), values)


def test_first_weights_depend_on_seed_and_name():
    def first(seed, name):
        start = initializers(seed, name)
        return [np.asarray(next(start)((3, 3, 4, 5))) for _ in range(2)]

    one, again, reseeded, renamed = first(0, "a"), first(0, "a"), first(1, "a"), first(0, "b")
    np.testing.assert_array_equal(one, again)
    assert not np.allclose(one[0], one[1])
    assert not np.allclose(one, reseeded)
    assert not np.allclose(one, renamed)


def test_a_convolution_has_its_name_and_stride():
    picture = keras.Input((8, 8, 3))
    network = keras.Model(picture, conv(picture, 5, initializers(0, "a"), "first", strides=2))
    assert network.output_shape == (None, 4, 4, 5)
    assert [weight.path for weight in network.weights] == ["first/kernel", "first/bias"]
