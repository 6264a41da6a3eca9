"""Fixtures: one small trained run for all tests of this folder, and a limit on file sizes that imitates a full disk."""

import contextlib
import resource
import shutil

import pytest

from experiments import training
from experiments.config import DetectorOptions, TrainConfig
from tests.shared import made_once

EPOCHS = 3


@pytest.fixture(scope="session")
def train_config(made_records):
    """The options of `trained_run`."""
    return TrainConfig(
        (str(made_records),),
        ("c40",),
        "tiny",
        DetectorOptions(size=64, width=4, blocks=1),
        epochs=EPOCHS,
        batch_size=8,
        learning_rate=3e-3,
    )


@pytest.fixture(scope="session")
def trained_run(train_config, tmp_path_factory):
    """A finished run folder; tests that change it take `own_run`."""
    return made_once(
        tmp_path_factory, "trained", lambda folder: training.train(train_config, folder, say=lambda line: None)
    )


@pytest.fixture
def own_run(trained_run, tmp_path):
    """A copy of `trained_run`."""
    return shutil.copytree(trained_run, tmp_path / "run")


@pytest.fixture
def full_disk():
    """Within `full_disk(size)` no file grows beyond `size` bytes: writing on is an OSError, as on a full disk."""

    @contextlib.contextmanager
    def limit(size):
        before = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))  # Python ignores SIGXFSZ
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)

    return limit
