"""Tests of records/forge/networks/mouth.py."""

import numpy as np
import pytest

from records.forge.networks import SIDE
from records.forge.networks.guides import clip_guides
from records.forge.networks.mouth import mouth_batch, mouth_inputs, mouth_renderer
from records.forge.networks.training import train_network


@pytest.fixture(name="network", scope="module")
def _network(crops, tmp_path_factory):
    """A network that was trained for 150 steps of 8 faces."""
    network = mouth_renderer(seed=0)
    checkpoint = tmp_path_factory.mktemp("mouth") / "checkpoint.npz"
    train_network(network, lambda rng: mouth_batch(crops, 8, rng), 150, 0, checkpoint, print)
    return network


def inside(crops, pictures, wanted):
    """Mean |difference| in the lower faces of the last frames, in grey levels."""
    region = crops.lower_faces[:, -1] > 128
    return np.abs(np.asarray(pictures, np.float32) - np.asarray(wanted, np.float32))[region].mean()


def test_the_old_mouth_is_covered_and_the_rest_is_not(crops):
    pictures, regions = crops.pictures[:, -1], crops.lower_faces[:, -1]
    others = np.roll(pictures, 1, axis=0)
    inputs = mouth_inputs(pictures, others, regions, crops.lips[:, -1])
    covered = 255 * inputs["covered"]
    np.testing.assert_allclose(covered[regions == 0], pictures[regions == 0], atol=0.01)
    assert inside(crops, covered, others) < 0.4 * inside(crops, covered, pictures)
    assert inputs["lips"].shape == (6, SIDE, SIDE, 2)
    assert {one.dtype for one in inputs.values()} == {np.dtype(np.float32)}


def test_more_blur_leaves_less_of_the_texture(crops):
    pictures, regions, lips = crops.pictures[:, -1], crops.lower_faces[:, -1], crops.lips[:, -1]
    errors = [
        inside(crops, 255 * mouth_inputs(pictures, pictures, regions, lips, np.full(6, blur))["covered"], pictures)
        for blur in (0, 1)
    ]
    assert 0.1 < errors[0] < 0.8 * errors[1]


def test_a_batch_is_a_function_of_its_generator(crops):
    (inputs, wanted, weight), again, other = (mouth_batch(crops, 4, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(inputs["covered"], again[0]["covered"])
    assert np.abs(wanted - other[1]).max() > 0.1
    assert weight.shape == (4, SIDE, SIDE, 1)
    assert 0 < weight.min() < 0.1
    assert weight.max() == 1
    assert {one.dtype for one in (*inputs.values(), wanted, weight)} == {np.dtype(np.float32)}


@pytest.mark.slow  # it trains the network
def test_it_learns_to_render_mouths(network, crops):
    pictures = crops.pictures[:, -1]
    inputs = mouth_inputs(pictures, crops.references[:, -1], crops.lower_faces[:, -1], crops.lips[:, -1])
    rendered = 255 * network(inputs).numpy()
    assert inside(crops, rendered, pictures) < 0.85 * inside(crops, 255 * inputs["covered"], pictures)


@pytest.mark.slow  # it trains the network
def test_it_changes_the_mouth_and_nothing_else(network, crops):
    _, guides = clip_guides(0, crops.pictures[0], crops.meshes[0], crops.pictures[1], crops.meshes[1], crops.topology)
    inputs = mouth_inputs(crops.pictures[0], guides.textures, crops.lower_faces[0], guides.lips)
    change = np.abs(255 * network(inputs).numpy() - crops.pictures[0]).mean(axis=3)
    assert change[crops.lower_faces[0] > 128].mean() > 4 * change[:, :34].mean()
    assert change[:, :34].mean() < 1.5
