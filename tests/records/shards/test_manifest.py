"""The manifest is byte-stable, is checked when it is read, and finds damaged shards."""

import dataclasses
import json
import shutil

import pytest

from records.errors import DataError
from records.shards.manifest import Manifest, verify

VIDEO = "made/real/c40/000"
SHARD = "train/c40/real-00000-of-00001.tfrecord"


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
        ('"reasons"', '"reason"', r"clips\['made/.*'\] has an unknown field 'reason'"),
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
def test_an_unknown_split_compression_or_method_is_named_with_the_known_ones(folder, arguments, message):
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


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (("size",), "64", "size must be a whole number; it is '64'"),
        (("size",), True, "size must be a whole number; it is True"),
        (("size",), None, "size must be a whole number"),
        (("options",), [], "options must be an object"),
        (("versions",), {"numpy": 2}, r"versions\['numpy'\] must be a string"),
        (("counts",), {"train": 3}, r"counts\['train'\] must be an object"),
        (("clips",), [], "clips must be an object"),
        (("clips", VIDEO), "a clip", r"clips\['made/real/c40/000'\] must be an object"),
        (("clips", VIDEO, "label"), "1", r"clips\['made/real/c40/000'\].label must be a whole number"),
        (("clips", VIDEO, "label"), 2, "needs a label of 0 or 1"),
        (("clips", VIDEO, "subjects"), "000", r"subjects must be a list"),
        (("clips", VIDEO, "subjects"), [0], r"subjects\[0\] must be a string"),
        (("clips", VIDEO, "subjects"), [], "needs a label of 0 or 1, subjects"),
        (("clips", VIDEO, "frames_scored"), -1, "no number below 0"),
        (("clips", VIDEO, "frames_scored"), 4, "but its shards hold 12 and its clips 13"),
        (("clips", VIDEO, "reasons"), {"no face": "3"}, r"reasons\['no face'\] must be a whole number"),
        (("clips", VIDEO, "shortened"), 3, "shortened must be a string"),
        (("skips",), {}, "skips must be a list"),
        (("skips",), [{"clip": "a"}], r"skips\[0\] lacks label"),
        (("shards", SHARD, "bytes"), 1.5, "bytes must be a whole number"),
        (("shards", SHARD, "ends_sha256"), None, "ends_sha256 must be a string"),
        (("splits", "seed"), "0", "splits.seed must be a whole number"),
        (("splits", "drawn"), {"000": 1}, r"splits.drawn\['000'\] must be a string"),
        (("groups",), ["a"], "groups must be an object"),
        (("schema_version",), "3", "it holds no schema_version"),
    ],
)
def test_a_wrong_type_or_value_is_named_with_its_field(folder, path, value, message):
    values = json.loads((folder / "manifest.json").read_text())
    parent = values
    for key in path[:-1]:
        parent = parent[key]
    parent[path[-1]] = value
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match=rf"manifest.json is damaged \(.*{message}"):
        Manifest.load(folder)


@pytest.mark.parametrize("field", ["size", "clips", "shards", "counts"])
def test_a_missing_field_is_named(folder, field):
    values = json.loads((folder / "manifest.json").read_text())
    del values[field]
    (folder / "manifest.json").write_text(json.dumps(values))
    with pytest.raises(DataError, match=rf"manifest.json is damaged \(it lacks {field}\)"):
        Manifest.load(folder)


@pytest.mark.parametrize("text", ["[]", "null", "3", '"a"'])
def test_json_that_is_not_an_object_is_damaged(folder, text):
    (folder / "manifest.json").write_text(text)
    with pytest.raises(DataError, match="is damaged"):
        Manifest.load(folder)


def rewrite(folder, change):
    """Loads, changes and saves the manifest; its hash is made to fit the change."""
    manifest = Manifest.load(folder)
    change(manifest)
    dataclasses.replace(manifest).save(folder)


def test_shards_outside_the_folder_are_refused(folder):
    def change(manifest):
        manifest.shards["../../c40/real-00000-of-00001.tfrecord"] = next(iter(manifest.shards.values()))

    rewrite(folder, change)
    with pytest.raises(DataError, match="is not the path of a shard"):
        Manifest.load(folder)


def test_counts_that_differ_from_the_shards_are_refused(folder):
    def change(manifest):
        manifest.counts["train"]["c40"]["real"] += 1

    rewrite(folder, change)
    with pytest.raises(DataError, match=r"it counts \d+ faces of train/c40/real, but its shards hold"):
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
