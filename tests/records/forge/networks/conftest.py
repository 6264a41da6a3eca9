"""The crops of six rendered people, for all tests in this folder."""

import numpy as np
import pytest

from records.forge.networks.faces import FaceCrops, _crop
from records.forge.people import RenderedFaces

NAMES = [f"{number:03d}" for number in range(6)]


@pytest.fixture(name="faces", scope="session")
def _faces():
    return RenderedFaces(seed=2, size=112, frames=3)


@pytest.fixture(name="crops", scope="session")
def _crops(faces):
    made = [_crop(faces, number, name) for number, name in enumerate(NAMES)]
    return FaceCrops(*(np.stack(arrays) for arrays in zip(*(one[1] for one in made), strict=True)), made[0][2])
