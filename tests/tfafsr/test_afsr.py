"""AFSR keeps the size of its input, starts from the identity with `residual`, and crops odd sizes correctly."""

import keras
import numpy as np
import pytest

from tfafsr.afsr import afsr, decoder_block


def build(size: int, **options) -> keras.Model:
    image = keras.Input((size, size, 3))
    return keras.Model(image, afsr(image, width=4, **options))


def images(size: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-1, 1, (2, size, size, 3)).astype(np.float32)


@pytest.mark.parametrize("size", [64, 65, 66, 79, 97, 128, 225])
def test_output_has_the_size_of_the_input(size):
    assert build(size).output_shape == (None, size, size, 3)


@pytest.mark.parametrize("size", [64, 97])
def test_plain_output_is_in_range_and_the_graph_runs(size):
    restored = build(size)(images(size)).numpy()
    assert restored.shape == (2, size, size, 3)
    assert np.abs(restored).max() <= 1
    assert restored.std() > 0


def test_residual_output_starts_from_the_identity():
    np.testing.assert_array_equal(build(65, output="residual")(images(65)), images(65))


def test_none_is_the_identity():
    image = keras.Input((64, 64, 3))
    assert afsr(image, output="none") is image


def test_refuses_an_unknown_output():
    with pytest.raises(ValueError, match="received 'both'"):
        build(64, output="both")


def test_folded_cut_is_a_crop_behind_the_convolution():
    """Upsample, convolve with padding on every side, crop the last row and column: the same map."""
    x, skip = keras.Input((3, 3, 2)), keras.Input((5, 5, 4))
    model = keras.Model([x, skip], decoder_block(x, skip, 4, name="block"))
    first = model.get_layer("block_1_conv")
    folded = keras.Model([x, skip], first.output)
    values = np.random.default_rng(0).normal(0, 1, (1, 3, 3, 2)).astype(np.float32)
    whole = keras.layers.Conv2D(4, 3, padding="same", use_bias=False)
    large = values.repeat(2, 1).repeat(2, 2)  # (1, 6, 6, 2)
    whole.build(large.shape)
    whole.set_weights(first.get_weights())
    np.testing.assert_allclose(folded([values, np.zeros((1, 5, 5, 4))]), whole(large)[:, :5, :5], rtol=1e-4, atol=1e-5)
