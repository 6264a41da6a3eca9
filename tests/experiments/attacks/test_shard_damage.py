"""Damage to records: each attack changes the records, and changes them alike every time."""

import shutil

import numpy as np
import pytest

from experiments.attacks.intact_records import COMPRESSIONS, everything_read, shards_of, write_intact_records
from experiments.attacks.on_records import ATTACKS
from experiments.attacks.tfrecord import Frame, frames_in, packed


@pytest.fixture(scope="module")
def intact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("intact") / "records"
    write_intact_records(folder)
    return folder


def contents(folder):
    """Path -> the bytes of a file, or the kind of anything else."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else path.is_symlink() or path.is_dir()
        for path in sorted(folder.rglob("*"))
        if not path.is_char_device()
    }


@pytest.mark.parametrize("number", range(len(ATTACKS)), ids=lambda number: ATTACKS[number].__name__)
def test_an_attack_changes_the_records_and_does_so_alike_each_time(intact, tmp_path, number):
    folder, results = tmp_path / "records", []
    for _ in range(2):
        shutil.copytree(intact, folder)
        what = ATTACKS[number](np.random.default_rng((0, number)), folder)
        results.append((what, contents(folder)))
        shutil.rmtree(folder)
    assert results[0] == results[1]
    assert results[0][1] != contents(intact)


def test_frames_are_those_that_tensorflow_writes(intact):
    content = shards_of(intact)[0].read_bytes()
    frames = frames_in(content)
    assert len(frames) > 1
    assert packed(frames) == content
    assert [Frame.around(frame.data) for frame in frames] == frames


@pytest.mark.slow
def test_intact_records_are_read_alike_each_time(intact):
    assert everything_read(intact, COMPRESSIONS[0]) == everything_read(intact, COMPRESSIONS[0])
