"""F3-Net's decomposition against SciPy's cosine transform."""

import numpy as np
import pytest
import tensorflow as tf
from scipy.fft import dctn, idctn

from tfafsr.baselines.f3net import BANDS, FrequencyBands, cosines

SIDE = 32


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(0).uniform(-1, 1, (2, SIDE, SIDE, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def bands(images):
    """(B, N, N, bands, C), with filters that have learnt nothing."""
    layer = FrequencyBands()
    layer.build(images.shape)
    layer.learnt.assign(np.zeros(layer.learnt.shape))
    return np.asarray(layer(images)).reshape(2, SIDE, SIDE, len(BANDS), 3)


def test_transform_is_scipys(images):
    matrix = cosines(SIDE)
    found = matrix @ images[0, ..., 1] @ matrix.T
    assert np.allclose(found, dctn(images[0, ..., 1], norm="ortho"), atol=1e-4)


def test_bands_add_up_to_the_image(images, bands):
    assert np.allclose(bands[..., :3, :].sum(axis=3), images, atol=1e-4)
    assert np.allclose(bands[..., 3, :], images, atol=1e-4)


def test_lowest_band_holds_the_first_sixteenth_of_the_coefficients(images, bands):
    spectrum = dctn(images[1, ..., 2], norm="ortho")
    kept = np.add.outer(np.arange(SIDE), np.arange(SIDE)) < SIDE / 8**0.5
    assert abs(kept.mean() - 1 / 16) < 0.02
    assert np.allclose(bands[1, ..., 0, 2], idctn(spectrum * kept, norm="ortho"), atol=1e-4)


def test_what_is_learnt_changes_a_band_alone(images):
    layer = FrequencyBands()
    layer.build(images.shape)
    before = np.asarray(layer(images))
    values = layer.learnt.numpy()
    values[1] = 5
    layer.learnt.assign(values)
    changed = np.abs(np.asarray(layer(images)) - before).max(axis=(0, 1, 2)).reshape(len(BANDS), 3).max(axis=1)
    assert changed[1] > 0.1
    assert np.delete(changed, 1).max() < 1e-4


def test_borders_are_learnt(images):
    layer = FrequencyBands()
    layer.build(images.shape)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(layer(images) ** 3)
    gradient = tape.gradient(loss, layer.learnt.value)
    assert gradient.shape == (len(BANDS), SIDE, SIDE)
    assert np.abs(gradient.numpy()).max() > 0
