"""Tests of records/forge/networks/autoencoder.py."""

import numpy as np
import pytest

from records.forge.networks import SIDE
from records.forge.networks.autoencoder import autoencoder, autoencoder_batch, autoencoder_inputs
from records.forge.networks.training import train_network

FACE = slice(12, -8), slice(14, -14)
LAST = 2  # the frame that is kept from training


def error(pictures, wanted):
    """Mean |difference| inside the faces, in grey levels."""
    return np.abs(np.asarray(pictures, np.float32)[:, *FACE] - np.asarray(wanted, np.float32)[:, *FACE]).mean()


@pytest.fixture(name="network", scope="module")
def _network(crops, tmp_path_factory):
    """A network that was trained for 150 steps of 8 faces."""
    network = autoencoder(seed=0)
    checkpoint = tmp_path_factory.mktemp("autoencoder") / "checkpoint.npz"
    train_network(network, lambda rng: autoencoder_batch(crops, 8, rng), 150, 0, checkpoint, print)
    return network


def paint(network, faces, persons):
    """The network's pictures in grey levels."""
    return 255 * network(autoencoder_inputs(faces, persons)).numpy()


def test_a_batch_is_a_function_of_its_generator(crops):
    first, again, other = (autoencoder_batch(crops, 4, np.random.default_rng(seed)) for seed in (0, 0, 1))
    inputs, wanted, weight = first
    assert inputs["face"].shape == inputs["person"].shape == wanted.shape == (4, SIDE, SIDE, 3)
    assert {one.dtype for one in (*inputs.values(), wanted, weight)} == {np.dtype(np.float32)}
    assert weight.min() > 0
    assert weight[0, SIDE // 2, SIDE // 2] == 1
    for name in inputs:
        np.testing.assert_array_equal(inputs[name], again[0][name])
    assert np.abs(wanted - other[1]).max() > 0.1
    assert np.abs(inputs["face"] - wanted).mean() > 0.01


def test_the_seed_decides_the_first_weights():
    first, again, other = (np.concatenate([w.ravel() for w in autoencoder(seed).get_weights()]) for seed in (0, 0, 1))
    assert first.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.slow  # it trains the network
def test_it_learns_to_decode_faces(network, crops):
    """After few steps it is nearer to the faces than the coarse pictures that it starts from."""
    faces, persons = crops.pictures[:, LAST], crops.references[:, LAST]
    start = error(paint(autoencoder(seed=0), faces, persons), faces)
    assert error(paint(network, faces, persons), faces) < 0.88 * start


@pytest.mark.slow  # it trains the network
def test_the_swap_is_the_sources_face(network, crops):
    targets = crops.pictures[:, LAST]
    sources, persons = (np.roll(pictures[:, LAST], 1, axis=0) for pictures in (crops.pictures, crops.references))
    swapped = paint(network, targets, persons)
    assert error(swapped, sources) < 0.4 * error(swapped, targets)


@pytest.mark.slow  # it trains the network
def test_the_code_of_the_face_matters(network, crops):
    persons = crops.references[:, LAST]
    ones, others = (paint(network, np.roll(crops.pictures[:, LAST], by, axis=0), persons) for by in (0, 1))
    assert error(ones, others) > 0.2
