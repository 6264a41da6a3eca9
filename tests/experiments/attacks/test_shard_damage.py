"""Damage to records: each attack is a pure function of its generator, and does damage."""

import shutil

import numpy as np
import pytest

from experiments.attacks.on_records import ATTACKS
from experiments.attacks.sound_records import COMPRESSIONS, everything_read, shards_of, write_sound_records
from experiments.attacks.tfrecord import Frame, frames_in, packed


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sound") / "records"
    write_sound_records(folder)
    return folder


def contents(folder):
    """Path -> bytes of what is a file, kind of what is none."""
    return {
        path.relative_to(folder): path.read_bytes() if path.is_file() else path.is_symlink() or path.is_dir()
        for path in sorted(folder.rglob("*"))
        if not path.is_char_device()
    }


@pytest.mark.parametrize("number", range(len(ATTACKS)), ids=lambda number: ATTACKS[number].__name__)
def test_an_attack_changes_the_records_and_does_so_alike_each_time(sound, tmp_path, number):
    folder, results = tmp_path / "records", []
    for _ in range(2):
        shutil.copytree(sound, folder)
        what = ATTACKS[number](np.random.default_rng((0, number)), folder)
        results.append((what, contents(folder)))
        shutil.rmtree(folder)
    assert results[0] == results[1]
    assert results[0][1] != contents(sound)


def test_frames_are_those_that_tensorflow_writes(sound):
    content = shards_of(sound)[0].read_bytes()
    frames = frames_in(content)
    assert len(frames) > 1
    assert packed(frames) == content
    assert [Frame.around(frame.data) for frame in frames] == frames


@pytest.mark.slow
def test_sound_records_are_read_alike_each_time(sound):
    assert everything_read(sound, COMPRESSIONS[0]) == everything_read(sound, COMPRESSIONS[0])
