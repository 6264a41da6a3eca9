"""The manifest: byte-stable, checked when it is read, and it finds damaged shards."""

import dataclasses
import shutil

import pytest

from records.errors import DataError
from records.shards.manifest import Manifest, verify


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
        ('"schema_version": 3', '"schema_version": 2', "is of schema version 2, this program reads 3"),
        ('"schema_version": 3', '"schema": 1', "is damaged"),
        (' "sha256": "', ' "sha256": "0', "its hash does not fit its shards"),
        ("{", "", "is damaged"),
        ('"size": ', '"size": -', r"size is -\d+, not a number of pixels"),
        ('"size": ', '"size": 1000', "not a number of pixels"),
        ('"reasons"', '"reason"', r"clips\['made/.*'\] has a field 'reason', which is unknown"),
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


def changed(folder, change):
    """Loads, changes and saves the manifest: its hash fits, what it says need not."""
    manifest = Manifest.load(folder)
    change(manifest)
    dataclasses.replace(manifest).save(folder)


def test_shards_outside_the_folder_are_refused(folder):
    def change(manifest):
        manifest.shards["../../c40/real-00000-of-00001.tfrecord"] = next(iter(manifest.shards.values()))

    changed(folder, change)
    with pytest.raises(DataError, match="is not the path of a shard"):
        Manifest.load(folder)


def test_counts_other_than_what_shards_hold_are_refused(folder):
    def change(manifest):
        manifest.counts["train"]["c40"]["real"] += 1

    changed(folder, change)
    with pytest.raises(DataError, match=r"it counts \d+ faces of train/c40/real where its shards hold"):
        Manifest.load(folder)


def test_a_deeply_nested_file_is_damaged_not_a_crash(folder):
    (folder / "manifest.json").write_text("[" * 100_000)
    with pytest.raises(DataError, match="is damaged"):
        Manifest.load(folder)


def test_a_manifest_that_cannot_be_written_leaves_nothing_behind(folder, tmp_path):
    manifest = Manifest.load(folder)
    (tmp_path / "other" / "manifest.json").mkdir(parents=True)
    with pytest.raises(DataError, match="cannot be written"):
        manifest.save(tmp_path / "other")
    assert [path.name for path in (tmp_path / "other").iterdir()] == ["manifest.json"]
