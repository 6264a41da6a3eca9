"""One small forged data set for all tests in this folder."""

import pytest

from records.forge import ForgeOptions, forge_dataset

OPTIONS = ForgeOptions("rendered", identities=6, frames=3, size=96, seed=3, compressions=("raw", "c40"))


def silent(line):
    """Ignores the line."""


@pytest.fixture(name="options", scope="session")
def _options():
    return OPTIONS


@pytest.fixture(scope="session")
def v3(tmp_path_factory):
    """A data set in FaceForensics++'s layout, made by two processes; tests that change it copy it first."""
    folder = tmp_path_factory.mktemp("forged") / "data"
    forge_dataset(OPTIONS, folder, workers=2, say=silent)
    return folder
