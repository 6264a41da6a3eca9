"""Damaged, foreign and tampered shards: every reader raises a DataError that names the file."""

import dataclasses
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from experiments.audit import leaks
from records.errors import DataError
from records.shards import reader
from records.shards.damage import naming_the_shard
from records.shards.entries import ShardEntry
from records.shards.epoch import read_training
from records.shards.manifest import Manifest, verify
from records.shards.writer import write_file

SHARD = "test/c40/Deepfakes-00000-of-00001.tfrecord"
HEADER, FOOTER = 12, 4  # bytes around a record
NO_IMAGES = ("video", "keypoints", "mask_known", "label", "frame_index")


@pytest.fixture
def folder(made_records, tmp_path):
    return shutil.copytree(made_records, tmp_path / "records")


def records_of(path):
    return list(tf.data.TFRecordDataset(str(path)).as_numpy_iterator())


def read_for_evaluation(folder, fields=NO_IMAGES):
    with naming_the_shard(folder):
        return list(reader.read(folder, "test", "c40", fields=fields).as_numpy_iterator())


def read_for_training(folder, fields=NO_IMAGES):
    with naming_the_shard(folder):
        return list(read_training(folder, "test", balanced=False, fields=fields).as_numpy_iterator())


def damage_shard(folder, damage):
    """Changes a shard but not the manifest."""
    path = folder / SHARD
    content = path.read_bytes()
    first = HEADER + len(records_of(path)[0]) + FOOTER
    other = folder / "test/c40/FaceSwap-00000-of-00001.tfrecord"
    if damage == "cut at a record":
        path.write_bytes(content[:first])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "cut":
        path.write_bytes(content[:-7])
    elif damage == "twice":
        path.write_bytes(content * 2)
    elif damage == "another method's":
        shutil.copy(other, path)
    elif damage == "another split's, as long":
        foreign = (folder / "val/c40/Deepfakes-00000-of-00001.tfrecord").read_bytes()
        path.write_bytes((foreign * 3)[: len(content)])
    else:
        path.unlink()
        if damage == "folder":
            path.mkdir()
        elif damage == "FIFO":
            os.mkfifo(path)
        elif damage == "link loop":
            path.symlink_to(path.name)


DAMAGES = [
    ("cut at a record", r"is damaged: it has \d+ bytes, \d+ were written"),
    ("empty", r"is damaged: it has 0 bytes, \d+ were written"),
    ("cut", r"is damaged: it has \d+ bytes, \d+ were written"),
    ("twice", r"is damaged: it has \d+ bytes, \d+ were written"),
    ("another method's", "is damaged"),
    ("another split's, as long", "its content has changed"),
    ("missing", "is missing"),
    ("folder", "is not a file"),
    ("FIFO", "is not a file"),
    ("link loop", "cannot be read"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_changed_shard_is_named_before_any_record_is_read(folder, damage, message):
    damage_shard(folder, damage)
    for read in (
        lambda: reader.read(folder, "test", "c40"),
        lambda: read_training(folder, "test"),
        lambda: verify(folder),
    ):
        with pytest.raises(DataError, match=f"{SHARD} .*{message}"):
            read()


def test_shards_of_other_splits_are_not_checked(folder):
    damage_shard(folder, "empty")
    assert len(list(reader.read(folder, "val", "c40", fields=("video",)))) == 18


def test_a_flipped_bit_in_the_middle_is_found_when_it_is_read(folder):
    path = folder / SHARD
    content = bytearray(path.read_bytes())
    assert len(content) > 2 * 2**16 + 100, "the shard is so small that its ends are the whole file"
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    for read in (read_for_evaluation, lambda folder: leaks.near_duplicates([folder])):
        with pytest.raises(DataError, match=f"{SHARD} is damaged: its content has changed") as raised:
            read(folder)
        assert "bytes" not in str(raised.value)


def tamper(folder, change, name=SHARD):
    """Changes the records of a shard and makes all checksums fit, the manifest's too."""
    path = folder / name
    entry = write_file(path, change(records_of(path)))
    manifest = Manifest.load(folder)
    manifest.shards[name] = dataclasses.replace(entry, examples=manifest.shards[name].examples)
    dataclasses.replace(manifest).save(folder)


def with_feature(name, **value):
    def change(records):
        example = tf.train.Example.FromString(records[3])
        example.features.feature[name].CopyFrom(tf.train.Feature(**value))
        return [*records[:3], example.SerializeToString(), *records[4:]]

    return change


def floats(values):
    return {"float_list": tf.train.FloatList(value=values)}


def texts(*values):
    return {"bytes_list": tf.train.BytesList(value=values)}


TAMPERED = [
    (lambda records: records[:-1], "It holds 8 faces, the manifest counts 9"),
    (lambda records: [], "It holds 0 faces, the manifest counts 9"),
    (lambda records: [*records[:3], b"no example", *records[4:]], "Record 4: These 10 bytes are not a record"),
    (lambda records: [*records[:3], b'k\x1a"\xa4\x1c(A\xfb', *records[4:]], "Record 4: These 8 bytes are not a record"),
    (lambda records: [*records[:3], tf.train.Example().SerializeToString(), *records[4:]], "The record lacks frame"),
    (with_feature("keypoints", **floats([np.nan] * 10)), r"Record 4: keypoints must lie in \[0, 1\]"),
    (with_feature("keypoints", **floats([0.5] * 9 + [np.inf])), r"keypoints must lie in \[0, 1\]"),
    (with_feature("keypoints", **floats([0.5] * 9 + [1e30])), r"keypoints must lie in \[0, 1\]"),
    (with_feature("keypoints", **floats([0.5] * 9)), "keypoints holds 9 numbers"),
    (with_feature("mask_known", int64_list=tf.train.Int64List(value=[7])), r"mask_known must lie in \[0, 1\].*7"),
    (with_feature("label", int64_list=tf.train.Int64List(value=[2])), r"label must lie in \[0, 1\]"),
    (with_feature("label", **texts(b"1")), "label holds 0 numbers"),
    (with_feature("video", **texts(b"made/\xff/c40/000")), "video is not UTF-8"),
    (with_feature("split", **texts(b"train")), "Record 4: It is of train/c40/Deepfakes"),
    (with_feature("compression", **texts(b"raw")), "Record 4: It is of test/raw/Deepfakes"),
    (with_feature("method", **texts(b"real")), "Record 4: It is of test/c40/real"),
]


@pytest.mark.parametrize(("change", "message"), TAMPERED)
def test_a_bad_record_with_right_checksums_is_named_with_its_field(folder, change, message):
    tamper(folder, change)
    with pytest.raises(DataError, match=f"(?s){SHARD} is damaged; build the records again.*{message}"):
        read_for_evaluation(folder)


@pytest.mark.parametrize("change", [TAMPERED[0][0], TAMPERED[4][0]], ids=["too few", "NaN"])
def test_a_bad_record_is_named_in_training_too(folder, change):
    tamper(folder, change)
    with pytest.raises(DataError, match=f"{SHARD} is damaged; build the records again"):
        read_for_training(folder)


@pytest.mark.parametrize(
    ("value", "message"), [(b"no png", "ela is not a PNG image"), (b"\x89PNG\r\n\x1a\n" + bytes(40), "ela is")]
)
def test_a_bad_image_is_named(folder, value, message):
    tamper(folder, with_feature("ela", **texts(value)))
    with pytest.raises(DataError, match=f"(?s){SHARD} is damaged.*{message}"):
        read_for_evaluation(folder, ("ela",))


def test_records_of_another_size_than_the_manifests_are_named_without_tensorflows_stack(folder):
    manifest = Manifest.load(folder)
    dataclasses.replace(manifest, size=2 * manifest.size).save(folder)
    with pytest.raises(DataError, match=r"is damaged.* Record 1: frame is not a PNG of \d+ x \d+ pixels") as raised:
        read_for_evaluation(folder, ("frame",))
    assert "Graph" not in str(raised.value)
    assert "File" not in str(raised.value)


def test_an_error_that_no_shard_causes_is_raised_unchanged(made_records):
    def fail(video):
        tf.debugging.Assert(False, ["the records are whole"])
        return video

    with pytest.raises(tf.errors.InvalidArgumentError, match="the records are whole"), naming_the_shard(made_records):
        list(reader.read(made_records, "val", "c40", fields=("video",)).map(lambda fields: fail(fields["video"])))


def test_the_hash_of_the_ends_covers_all_of_a_small_file(tmp_path):
    path = tmp_path / "file"
    hashes = set()
    for content in (b"", b"a", bytes(2**16), bytes(2**17), bytes(2**17 - 1) + b"a", bytes(2**18)):
        path.write_bytes(content)
        hashes.add(ShardEntry.of(path, 1).ends_sha256)
    assert len(hashes) == 5  # the files of 2**17 and of 2**18 zeros have the same ends
