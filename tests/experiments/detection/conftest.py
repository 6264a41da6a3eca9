"""Models for the tests of detection: real MTCNN, and a detector that scores brightness, whose answers are known."""

from pathlib import Path

import numpy as np
import pytest

from experiments.detection import Answer, Model, shipped
from experiments.detection.answers import Person, Sight
from experiments.detection.card import card_of
from faces import CROP_SCALE
from savedmodel_export.edge_runtime import load_face_detector

SIZE = 64
CARD = card_of(
    {
        "trained_on": "Clips of 40 people <of nobody>.",
        "rows": [
            {"compression": name, "side": side, "auc": auc, "auc_ci95": [auc - 0.1, auc + 0.1]}
            | {"false_alarms": 0.2, "misses": 0.4}
            for name, side, auc in (
                *(("c23", None, 0.8), ("c23", 32, 0.7), ("c23", 16, 0.65)),
                *(("c40", None, 0.75), ("c40", 32, 0.65), ("c40", 16, 0.6)),
            )
        ],
        "real": {"c23": [index / 10 - 1 for index in range(19)], "c40": [index / 10 - 0.5 for index in range(19)]},
        "quantizer": {"c23": [15, 33], "c40": [36, 48]},
    }
)


@pytest.fixture(scope="session")
def brightness():
    """A model whose log10 likelihood ratio is the mean level of the crop above 128, in hundreds."""

    def score(frames, keypoints):
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == (SIZE, SIZE, 3)
        assert keypoints.shape == (len(frames), 5, 2)
        ratio = (frames.mean(axis=(1, 2, 3), dtype=np.float32) - 128) / 100
        return {"log10_likelihood_ratio": ratio, "probability": 1 / (1 + 10**-ratio)}

    def explain(frames, keypoints):
        """A restoration that brightens the upper half."""
        restored = frames.astype(np.float32) / 127.5 - 1
        restored[:, : SIZE // 2] += 0.02
        return restored

    faces = load_face_detector(shipped() / "mtcnn")
    return Model("brightness", SIZE, CROP_SCALE, score, faces, explain, CARD)


def made_person(ratios, number=1, fps=5.0):
    """A person with these log10 likelihood ratios, one a frame."""
    box = (0.0, 0.0, 80.0, 80.0)
    return Person(number, tuple(Sight(index, index / fps, box, 104, ratio, 0.5) for index, ratio in enumerate(ratios)))


@pytest.fixture(scope="session")
def person():
    """The function (log10 likelihood ratios, number, fps) that makes a person."""
    return made_person


@pytest.fixture(scope="session")
def answer():
    """The function (people, other fields of Answer) that makes an answer about a video."""

    def make(people, **fields):
        frames = max((len(one.sights) for one in people), default=0)
        given = {"path": Path("clip.mp4"), "kind": "video", "people": tuple(people), "frames": frames, **fields}
        return Answer(**given)

    return make
