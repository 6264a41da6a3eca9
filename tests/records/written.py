"""What a build or a forge left behind, to compare."""

import hashlib

import tensorflow as tf

from records.shards.schema import decode


def content(folder):
    """Relative path -> SHA-256 of every file."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def examples_of(out):
    """(video, frame) -> example, of all records in a folder."""
    files = sorted(str(path) for path in out.glob("*/*/*.tfrecord"))
    found = [decode(record.numpy()) for record in tf.data.TFRecordDataset(files)]
    return {(example.video, example.frame_index): example for example in found}
