"""The multi-task autoencoder: which half is decoded, and its losses against NumPy."""

import keras
import numpy as np
import pytest

from tfafsr.baselines import baseline
from tfafsr.baselines.multitask import HALF, ChosenHalf


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    return baseline("multitask")(size=64, input_size=64)


@pytest.fixture(scope="module")
def batch():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (4, 64, 64, 3), dtype=np.uint8)
    label = np.array([0, 1, 0, 1])
    mask = np.where(rng.uniform(size=(4, 64, 64, 1)) < 0.3, 255, 0).astype(np.uint8)
    y = {
        "label": label,
        "target": frame,
        "mask": mask,
        "target_known": np.ones(4),
        "mask_known": np.array([1, 1, 0, 1]),
    }
    return {"frame": frame, "label": label}, y


def test_label_chooses_the_half_in_training_and_activations_afterwards():
    code = np.ones((2, 1, 1, 2 * HALF), np.float32)
    activation, label = np.array([[0.1, 0.9], [0.1, 0.9]], np.float32), np.array([0, 1])
    layer = ChosenHalf()
    kept = [np.asarray(layer(code, activation, label, training=mode))[:, 0, 0, [0, -1]] for mode in (True, False)]
    assert kept[0].tolist() == [[1, 0], [0, 1]]
    assert kept[1].tolist() == [[0, 1], [0, 1]]


def test_label_changes_no_score(model, batch):
    x, _ = batch
    one, other = (model({**x, "label": label}, training=False) for label in (x["label"], 1 - x["label"]))
    assert all(np.array_equal(one[name], other[name]) for name in one)


def test_logit_is_the_difference_of_the_activations(model, batch):
    outputs = model(batch[0], training=False)
    code = keras.Model(model.input, model.get_layer("code").output)(batch[0], training=False).numpy()
    expected = np.stack([np.abs(code[..., :HALF]).mean((1, 2, 3)), np.abs(code[..., HALF:]).mean((1, 2, 3))], axis=1)
    assert np.allclose(outputs["activation"], expected, atol=1e-5)
    assert np.allclose(outputs["logit"][:, 0], expected[:, 1] - expected[:, 0], atol=1e-5)


def test_losses_are_those_of_the_paper(model, batch):
    x, y = batch
    outputs = model(x, training=False)
    terms = {name: float(value) for name, value in model.loss_terms(y, outputs).items()}
    wanted = np.eye(2)[y["label"]]
    assert terms["activation_loss"] == pytest.approx(np.abs(outputs["activation"] - wanted).sum(1).mean(), rel=1e-5)
    logit, mask = outputs["mask_logit"].numpy(), y["mask"] > 127
    errors = np.where(mask, np.logaddexp(0, -logit), np.logaddexp(0, logit)).mean((1, 2, 3))
    assert terms["mask_loss"] == pytest.approx(errors[[0, 1, 3]].mean(), rel=1e-4)
    assert terms["decoding_loss"] == pytest.approx(float(outputs["decoding_error"].numpy().mean()), rel=1e-5)


def test_learns_to_tell_four_faces(model, batch):
    x, y = batch

    def activation_loss():
        return float(model.loss_terms(y, model(x, training=False))["activation_loss"])

    model.compile(keras.optimizers.Adam(1e-3))
    before = activation_loss()
    model.fit(x, y, epochs=30, verbose=0)
    assert activation_loss() < 0.7 * before
