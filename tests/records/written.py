"""Helpers that build records in this process, and that read written folders for comparisons."""

import hashlib

import tensorflow as tf

from records.building import BuildOptions, build_part
from records.shards import decode

OPTIONS = BuildOptions(size=64, frames_train=4, frames_eval=4)
ARGUMENTS = ["--size", "64", "--frames-train", "4", "--frames-eval", "4"]  # OPTIONS on the command line


def in_this_process(tasks):
    """Runs a build's tasks one after the other in this process: starting another one takes seconds."""
    return (build_part(*task) for task in tasks)


def content(folder):
    """Relative path of every file -> its SHA-256."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def examples_of(out):
    """(video, frame index) -> example, for all records in a folder."""
    files = sorted(str(path) for path in out.glob("*/*/*.tfrecord"))
    examples = [decode(record.numpy()) for record in tf.data.TFRecordDataset(files)]
    return {(example.video, example.frame_index): example for example in examples}
