"""Shards are ordered by hashed key and written atomically."""

import hashlib
import resource

import pytest
import tensorflow as tf

from records.errors import DataError
from records.shards.writer import write_file, write_shards


def items(keys):
    return [(key, lambda key=key: f"record of {key}".encode() * 50) for key in keys]


def content(path):
    return [record.numpy() for record in tf.data.TFRecordDataset(str(path))]


def test_every_example_is_in_one_shard_in_the_order_of_its_hash(tmp_path):
    keys = [f"clip{number}" for number in range(23)]
    shards = write_shards(items(keys), tmp_path, "real", 3)
    assert [path.name for path in shards] == [f"real-0000{number}-of-00003.tfrecord" for number in range(3)]
    order = sorted(keys, key=lambda key: hashlib.sha256(key.encode()).digest())
    for number, (path, shard) in enumerate(shards.items()):
        assert content(path) == [f"record of {key}".encode() * 50 for key in order[number::3]]
        assert shard.examples == len(order[number::3])
        assert shard.bytes == path.stat().st_size
        assert shard.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_order_of_the_input_changes_no_byte(tmp_path):
    keys = [f"clip{number}" for number in range(10)]
    forwards = write_shards(items(keys), tmp_path / "a", "real", 2)
    backwards = write_shards(items(reversed(keys)), tmp_path / "b", "real", 2)
    assert list(forwards.values()) == list(backwards.values())


def test_a_duplicate_key_is_named(tmp_path):
    with pytest.raises(DataError, match="'clip1' occurs twice"):
        write_shards(items(["clip0", "clip1", "clip1"]), tmp_path, "real", 1)
    assert not list(tmp_path.iterdir())


def test_zero_shards_are_refused(tmp_path):
    with pytest.raises(ValueError, match="received 0"):
        write_shards(items(["a"]), tmp_path, "real", 0)


def test_an_interrupted_write_leaves_no_file_under_the_final_name(tmp_path):
    def breaks():
        yield b"one"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(tmp_path / "shard.tfrecord", breaks())
    assert not (tmp_path / "shard.tfrecord").exists()
    assert write_file(tmp_path / "shard.tfrecord", [b"one", b"two"]).examples == 2


@pytest.fixture
def small_files():
    """Limits files to 200 KB, which acts like a full disk; Python ignores the signal that the system sends."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_is_reported_and_leaves_no_file(tmp_path, small_files):
    path = tmp_path / "shard.tfrecord"
    with pytest.raises(DataError, match=rf"{path} cannot be written .*Make room on the disk"):
        write_file(path, (bytes(100_000) for _ in range(10)))
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"file/train cannot be made"):
        write_shards(items(["a"]), tmp_path / "file" / "train", "real", 1)
