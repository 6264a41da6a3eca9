"""Writes TFRecord shards atomically, in an order that depends on the examples' keys alone."""

from __future__ import annotations

import hashlib
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
    that made them changes a byte.

    Args:
        items: (key, function that returns the serialized example); keys are unique. Examples are fetched one by one
            when they are written, so that memory holds only the keys.
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
    hashed: dict[bytes, Callable[[], bytes]] = {}
    for key, fetch in items:
        digest = hashlib.sha256(key.encode()).digest()
        if digest in hashed:
            raise DataError(f"The key {key!r} occurs twice in {name}: two clips have the same name. Rename one.")
        hashed[digest] = fetch
    order = sorted(hashed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be made ({error}). Make room on the disk, or write into another folder."
        ) from error
    paths = [folder / f"{name}-{index:05d}-of-{shards:05d}.tfrecord" for index in range(shards)]
    return {path: write_file(path, (hashed[key]() for key in order[index::shards])) for index, path in enumerate(paths)}


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
