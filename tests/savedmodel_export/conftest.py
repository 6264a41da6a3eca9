"""A small untrained detector whose answers vary from face to face, and a run folder that holds it."""

import keras
import numpy as np
import pytest

from tfafsr import Detector

SIZE = 64


@pytest.fixture(scope="session")
def detector():
    """A Detector whose statistics and offsets are perturbed and whose temperature is not 1: nothing may be ignored."""
    keras.utils.set_random_seed(0)
    model = Detector(size=SIZE, width=4, output="residual")
    rng = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name == "moving_variance":
            variable.assign(rng.uniform(0.5, 2.0, variable.shape))
        elif variable.name in ("moving_mean", "beta", "bias"):
            variable.assign(rng.normal(0.0, 0.2, variable.shape))
    # Logits around 0 that differ from face to face, else all probabilities would be alike.
    logits = model.deployed().predict(dict(zip(("frame", "keypoints"), _faces(), strict=True)), verbose=0)["logit"]
    kernel, bias = model.get_layer("logit").get_weights()
    model.get_layer("logit").set_weights([2 * kernel / logits.std(), 2 * (bias - logits.mean()) / logits.std()])
    model.temperature.assign(1.7)
    return model


@pytest.fixture(scope="session")
def run(detector, tmp_path_factory):
    """A run folder with that detector in model.keras."""
    folder = tmp_path_factory.mktemp("run")
    detector.save(folder / "model.keras")
    return folder


@pytest.fixture(scope="session")
def faces():
    """12 smooth faces, uint8 (12, S, S, 3), and key points near a face's, float32 (12, 5, 2)."""
    return _faces()


def _faces():
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (12, 8, 8, 3))
    smooth = np.stack([keras.ops.convert_to_numpy(keras.ops.image.resize(image, (SIZE, SIZE))) for image in coarse])
    noisy = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    usual = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.72], [0.62, 0.72]])
    return noisy, np.clip(usual + rng.normal(0, 0.03, (12, 5, 2)), 0, 1).astype(np.float32)
