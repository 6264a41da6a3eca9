"""The manifest: byte-stable, checked when it is read, and it finds damaged shards."""

import shutil

import pytest

from records.errors import DataError
from records.manifest import Manifest, verify


@pytest.fixture
def folder(made_records, tmp_path):
    shutil.copytree(made_records, tmp_path / "records")
    return tmp_path / "records"


def test_saved_and_loaded_it_is_the_same_byte_for_byte(folder, tmp_path):
    Manifest.load(folder).save(tmp_path)
    assert (tmp_path / "manifest.json").read_bytes() == (folder / "manifest.json").read_bytes()


def test_a_folder_without_one_is_named(tmp_path):
    with pytest.raises(DataError, match="holds no finished records"):
        Manifest.load(tmp_path)


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ('"schema_version": 1', '"schema_version": 2', "is of schema version 2, this program reads 1"),
        ('"schema_version": 1', '"schema": 1', "is damaged"),
        ('"sha256": "', '"sha256": "0', "its hash does not fit its shards"),
        ("{", "", "is damaged"),
    ],
)
def test_another_version_or_damage_is_named(folder, before, after, message):
    path = folder / "manifest.json"
    path.write_text(path.read_text().replace(before, after, 1))
    with pytest.raises(DataError, match=message):
        Manifest.load(folder)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("validation", "c40"), "no split 'validation'; they have test, train, val"),
        (("train", "c23"), "no compression 'c23' in the split 'train'; they have c40"),
        (("train", "c40", ["Face2Face"]), "no method 'Face2Face' there; they have Deepfakes, FaceSwap, real"),
    ],
)
def test_what_is_not_there_is_named_with_what_is(folder, arguments, message):
    with pytest.raises(DataError, match=message):
        Manifest.load(folder).files(*arguments)


def test_whole_shards_are_verified(folder):
    verify(folder)


@pytest.mark.parametrize("damage", ["cut", "flip", "remove"])
def test_a_damaged_shard_is_named(folder, damage):
    path = folder / "val" / "c40" / "real-00000-of-00001.tfrecord"
    content = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(content[:-7])
    else:
        content[1000] ^= 4
        path.write_bytes(content)
    with pytest.raises(DataError, match=f"{path.name} is (damaged|missing)"):
        verify(folder)
