"""A tiny untrained detector whose probabilities differ from face to face, and faces for it."""

from __future__ import annotations

import keras
import numpy as np

from tfafsr import Detector
from tfafsr.calibration import Platt

SIZE = 64
USUAL = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.72], [0.62, 0.72]])  # key points of a face


def noise_faces(count: int) -> tuple[np.ndarray, np.ndarray]:
    """Smooth noise, uint8 (count, S, S, 3), and typical key points of a face, float32 (count, 5, 2)."""
    rng = np.random.default_rng(1)
    coarse = rng.uniform(0, 255, (count, 8, 8, 3))
    smooth = keras.ops.convert_to_numpy(keras.ops.image.resize(coarse, (SIZE, SIZE)))
    frames = np.clip(smooth + rng.normal(0, 4, smooth.shape), 0, 255).astype(np.uint8)
    points = np.clip(USUAL + rng.normal(0, 0.03, (count, 5, 2)), 0, 1).astype(np.float32)
    return frames, points


def untrained_detector(frames: np.ndarray, points: np.ndarray) -> Detector:
    """A detector whose last layer is scaled so that the probabilities of these faces differ and are around 0.5."""
    keras.utils.set_random_seed(0)
    model = Detector(size=SIZE, width=4, blocks=1, output="residual")
    logits = model.deployed().predict({"frame": frames, "keypoints": points}, verbose=0)["logit"]
    kernel, bias = model.get_layer("logit").get_weights()
    model.get_layer("logit").set_weights([2 * kernel / logits.std(), 2 * (bias - logits.mean()) / logits.std()])
    model.calibration = Platt(0.6, 0.2)
    return model
