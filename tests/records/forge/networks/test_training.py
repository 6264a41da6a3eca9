"""Tests of records/forge/networks/training.py."""

import keras
import numpy as np
import pytest

from records.errors import DataError
from records.forge.networks import training
from records.forge.networks.training import picture_loss, train_network

STEPS = 12


def network(filters=4):
    """A network of two convolutions with fixed initial weights."""
    picture = keras.Input((8, 8, 3), name="picture")
    x = keras.layers.Conv2D(filters, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(1))(picture)
    x = keras.layers.Conv2D(3, 3, padding="same", kernel_initializer=keras.initializers.HeNormal(2))(x)
    return keras.Model({"picture": picture}, x, name="small_network")


def batch(rng):
    """Pictures that are to be mirrored in brightness."""
    pictures = rng.random((4, 8, 8, 3), dtype=np.float32)
    return {"picture": pictures}, 1 - pictures, np.ones((1, 8, 8, 1), np.float32)


def trained(checkpoint, steps=STEPS, draw=batch, said=None):
    """The bytes of a network's weights after training, from the checkpoint if there is one."""
    made = network()
    train_network(made, draw, steps, 5, checkpoint, (said if said is not None else []).append)
    return b"".join(weight.tobytes() for weight in made.get_weights())


@pytest.fixture(name="undisturbed", scope="module")
def _undisturbed(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("undisturbed") / "checkpoint.npz")


def interrupted_at(step):
    """A source of batches that is interrupted when it is asked for the given one."""
    drawn = []

    def draw(rng):
        drawn.append(1)
        if len(drawn) > step:
            raise KeyboardInterrupt
        return batch(rng)

    return draw


def test_it_learns(tmp_path):
    made = network()
    inputs, wanted, weight = batch(np.random.default_rng(0))
    before = float(picture_loss(made(inputs), wanted, weight))
    train_network(made, batch, 150, 5, tmp_path / "checkpoint.npz", print)
    assert float(picture_loss(made(inputs), wanted, weight)) < 0.5 * before


def test_two_runs_give_the_same_bytes(tmp_path, undisturbed):
    assert trained(tmp_path / "checkpoint.npz") == undisturbed


def test_compiled_by_xla_an_interrupted_run_gives_the_same_bytes(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "WORTH_COMPILING", 1)
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "interrupted.npz", draw=interrupted_at(5))
    assert trained(tmp_path / "interrupted.npz") == trained(tmp_path / "undisturbed.npz")


@pytest.mark.parametrize("step", [1, 7])
def test_an_interrupted_run_goes_on_to_the_same_bytes(tmp_path, undisturbed, monkeypatch, step):
    monkeypatch.setattr(training, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    checkpoint, said = tmp_path / "checkpoint.npz", []
    with pytest.raises(KeyboardInterrupt):
        trained(checkpoint, draw=interrupted_at(step))
    assert trained(checkpoint, said=said) == undisturbed
    assert said == [f"Resuming the training of the small network after {step} of {STEPS} steps."]


def test_a_finished_run_is_not_trained_again(tmp_path, undisturbed):
    trained(tmp_path / "checkpoint.npz")
    assert trained(tmp_path / "checkpoint.npz", draw=interrupted_at(0)) == undisturbed


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "other steps", "other network"])
def test_a_checkpoint_that_cannot_be_used_is_said_and_left(tmp_path, undisturbed, damage):
    checkpoint, said = tmp_path / "checkpoint.npz", []
    trained(checkpoint, steps=STEPS + 1 if damage == "other steps" else STEPS)
    if damage == "other network":
        train_network(network(filters=5), batch, STEPS, 5, tmp_path / "other.npz", print)
        (tmp_path / "other.npz").replace(checkpoint)
    content = checkpoint.read_bytes()
    checkpoint.write_bytes({"cut": content[:-300], "empty": b"", "text": b"text"}.get(damage, content))
    assert trained(checkpoint, said=said) == undisturbed
    assert len(said) == 1
    assert "checkpoint.npz cannot be used" in said[0]


def test_a_checkpoint_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match="cannot be written"):
        trained(tmp_path / "file" / "checkpoint.npz", steps=1)


def test_the_loss_counts_pixels_and_edges():
    """An error of 1 in one column of three: |error| is 1/3, |difference to the right| is 1 and down is 0."""
    wanted = np.zeros((1, 2, 3, 1), np.float32)
    pictures = wanted.copy()
    pictures[0, :, 1] = 1
    assert float(picture_loss(pictures, wanted, np.ones((1, 2, 3, 1), np.float32))) == pytest.approx(1 / 3 + 1)
    flat = float(picture_loss(np.ones_like(wanted), wanted, np.full((1, 2, 3, 1), 0.5, np.float32)))
    assert flat == pytest.approx(0.5)
