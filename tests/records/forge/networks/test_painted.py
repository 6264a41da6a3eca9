"""Tests of records/forge/networks/painted.py."""

import subprocess
import sys

import numpy as np
import pytest

from records.errors import DataError
from records.forge.networks import SIDE, Painted, read_painted, source_frame
from records.forge.networks.painted import is_painted, painted_file, write_painted


@pytest.fixture(name="painted")
def _painted():
    return Painted(*np.random.default_rng(0).integers(0, 256, (2, 3, SIDE, SIDE, 3), dtype=np.uint8))


def test_written_and_read(tmp_path, painted):
    write_painted(tmp_path, "000", "003", painted)
    found = read_painted(tmp_path, "000", "003")
    np.testing.assert_array_equal(found.swapped, painted.swapped)
    np.testing.assert_array_equal(found.mouth, painted.mouth)
    assert is_painted(tmp_path, "000", "003")
    assert not is_painted(tmp_path, "003", "000")


def test_the_same_pictures_give_the_same_bytes(tmp_path, painted):
    for source in ("001", "002"):
        write_painted(tmp_path, "000", source, painted)
    assert painted_file(tmp_path, "000", "001").read_bytes() == painted_file(tmp_path, "000", "002").read_bytes()


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "flipped", "text"])
def test_a_damaged_file_is_named(tmp_path, painted, damage):
    write_painted(tmp_path, "000", "003", painted)
    path = painted_file(tmp_path, "000", "003")
    content = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    else:
        flipped = content[:2000] + bytes(byte ^ 255 for byte in content[2000:2100]) + content[2100:]
        path.write_bytes({"empty": b"", "cut": content[:-500], "flipped": flipped, "text": b"none"}[damage])
    with pytest.raises(DataError, match=r"000_003\.npz cannot be read .*Remove it"):
        read_painted(tmp_path, "000", "003")
    assert not is_painted(tmp_path, "000", "003")


@pytest.mark.parametrize("shape", [(3, 32, 32, 3), (2, SIDE, SIDE, 3), (3, SIDE, SIDE)])
def test_pictures_of_another_size_are_refused(tmp_path, painted, shape):
    write_painted(tmp_path, "000", "003", Painted(painted.swapped, np.zeros(shape, np.uint8)))
    with pytest.raises(DataError, match="mouth is uint8"):
        read_painted(tmp_path, "000", "003")


def test_the_source_plays_at_half_speed():
    assert [source_frame(t, 8) for t in range(8)] == [2, 2, 3, 3, 4, 4, 5, 5]
    assert source_frame(0, 1) == 0


def test_workers_read_without_tensorflow():
    code = (
        "import sys; from records.forge.networks import face_crop, paint_networks, paste_crop, read_painted; "
        "import records.forge.networks.faces; sys.exit(any(name in sys.modules for name in ('tensorflow', 'keras')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
