"""Models for the tests of detection: real MTCNN, and a detector that scores brightness, whose answers are known."""

import importlib.metadata
from pathlib import Path

import numpy as np
import pytest

from experiments.detection import Answer, Model
from experiments.detection.answers import Person, Sight
from faces import CROP_SCALE
from savedmodel_export import converted_mtcnn
from savedmodel_export.edge_runtime import load_face_detector
from tests.shared import made_once

SIZE = 64


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """A cache with MTCNN; its `tfafsr` folder is what $XDG_CACHE_HOME holds."""

    def make(folder):
        from records.building import mtcnn_networks

        networks = folder / "tfafsr" / f"mtcnn-{importlib.metadata.version('mtcnn')}"
        networks.mkdir(parents=True)
        for name, content in converted_mtcnn(mtcnn_networks()).items():
            (networks / name).write_bytes(content)

    return made_once(tmp_path_factory, "cache", make)


@pytest.fixture(scope="session")
def brightness(cache):
    """A model whose log10 likelihood ratio is the mean level of the crop above 128, in hundreds."""

    def score(frames, keypoints):
        assert frames.dtype == np.uint8
        assert frames.shape[1:] == (SIZE, SIZE, 3)
        assert keypoints.shape == (len(frames), 5, 2)
        ratio = (frames.mean(axis=(1, 2, 3), dtype=np.float32) - 128) / 100
        return {"log10_likelihood_ratio": ratio, "probability": 1 / (1 + 10**-ratio)}

    folder = next((cache / "tfafsr").glob("mtcnn-*"))
    return Model("brightness", SIZE, CROP_SCALE, score, load_face_detector(folder))


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
