"""An edge bundle of a small untrained detector, and drawn people to look at."""

import keras
import numpy as np
import pytest

from records.building import mtcnn_networks
from records.forge.people import Pose, draw, make_person
from savedmodel_export.edge import export_edge
from tfafsr import Detector

SIZE = 64


@pytest.fixture(scope="session")
def portrait():
    """A function (number, side) -> a drawn person, uint8 (side, side, 3) RGB."""

    def drawn(number, side=320):
        image, _ = draw(make_person(0, f"{number:03d}"), Pose(), side, side)
        return np.clip(image, 0, 255).astype(np.uint8)

    return drawn


@pytest.fixture(scope="session")
def detector(portrait):
    """Untrained; its last layer is scaled so that probabilities lie around 0.5 and differ from face to face."""
    keras.utils.set_random_seed(2)
    model = Detector(size=SIZE, width=4, output="residual")
    rng = np.random.default_rng(2)
    faces = np.stack([portrait(number, 96)[16:80, 16:80] for number in range(8)])
    x = {"frame": faces, "keypoints": rng.uniform(0.3, 0.7, (8, 5, 2)).astype(np.float32)}
    logits = model.deployed().predict(x, verbose=0)["logit"]
    kernel, bias = model.get_layer("logit").get_weights()
    model.get_layer("logit").set_weights([kernel / logits.std(), (bias - logits.mean()) / logits.std()])
    model.temperature.assign(1.4)
    return model


@pytest.fixture(scope="session")
def bundle(detector, tmp_path_factory):
    """The folder that `tfafsr export --format edge` writes."""
    return export_edge(detector, tmp_path_factory.mktemp("edge") / "bundle", mtcnn_networks())
