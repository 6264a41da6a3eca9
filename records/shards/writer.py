"""Writes TFRecord shards atomically, in an order that depends on the examples' keys alone."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import tensorflow as tf

from records.atomic import atomic_file
from records.errors import DataError
from records.shards.entries import ShardEntry


def write_shards(
    items: Iterable[tuple[str, Callable[[], bytes]]], folder: Path, name: str, shards: int
) -> dict[Path, ShardEntry]:
    """Writes the shards `name-00000-of-0000N.tfrecord` to `name-0000M-of-0000N.tfrecord`, M = N - 1.

    Examples are ordered by the hash of their key, so that neither the order of `items` nor the number of processes
    that made them changes a byte. The frames of a burst are one behind the other in one shard.

    Args:
        items: (key, function that returns the serialized example); keys are unique, as `example_key` makes them.
            Examples are fetched one by one when they are written, so that memory holds only the keys.
        folder: folder of the shards; it is made if missing.
        name: first part of the shards' names.
        shards: number of shards.

    Returns:
        Path of each shard -> its entry, in order.

    Raises:
        DataError: two items have the same key, or the disk is full.
    """
    if shards < 1:
        raise ValueError(f"shards must be at least 1; received {shards}.")
    bursts: dict[bytes, dict[int, Callable[[], bytes]]] = {}
    for key, fetch in items:
        burst, position = _burst_of(key)
        frames = bursts.setdefault(hashlib.sha256(burst.encode()).digest(), {})
        if position in frames:
            raise DataError(f"The key {key!r} occurs twice in {name}: two clips have the same name. Rename one.")
        frames[position] = fetch
    order = sorted(bursts)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be made ({error}). Make room on the disk, or write into another folder."
        ) from error
    paths = [folder / f"{name}-{index:05d}-of-{shards:05d}.tfrecord" for index in range(shards)]
    return {
        path: write_file(path, (fetch() for key in order[index::shards] for _, fetch in sorted(bursts[key].items())))
        for index, path in enumerate(paths)
    }


def example_key(video: str, frame_index: int, clip_position: int = 0) -> str:
    """The key of an example, which decides its position in its shard: that of its burst, and the position in it."""
    return f"{video}#{frame_index - clip_position}" + (f"+{clip_position}" if clip_position else "")


def _burst_of(key: str) -> tuple[str, int]:
    """The key of the burst's first frame, and the position in the burst."""
    found = re.fullmatch(r"(.*#\d+)\+(\d+)", key, re.DOTALL)
    return (found[1], int(found[2])) if found else (key, 0)


def write_file(path: Path, serialized: Iterable[bytes]) -> ShardEntry:
    """Writes one TFRecord file atomically.

    Args:
        path: path of the file.
        serialized: its records, in order.

    Returns:
        The entry of the file.

    Raises:
        DataError: the file cannot be written, for example because the disk is full.
    """
    examples = 0
    with atomic_file(path) as temporary:
        try:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                for record in serialized:
                    writer.write(record)
                    examples += 1
        except tf.errors.OpError as error:
            raise DataError(
                f"{path} cannot be written ({error.message}). Make room on the disk and run the same command again."
            ) from error
        return ShardEntry.of(temporary, examples)
