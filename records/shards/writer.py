"""Writes TFRecord shards: whole or not there, in an order that depends on the examples' keys alone."""

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
    """Writes `name-00000-of-0000N.tfrecord` and so on.

    Examples go by the hash of their key, so that neither the order in which they come nor the number of processes that
    made them changes a byte.

    Args:
        items: (key, function that gives the serialized example); keys are unique. Examples are fetched one by one as
            they are written, so that memory holds the keys alone.
        folder: where the shards go; it is made if need be.
        name: in front of the shard's number.
        shards: number of files.

    Returns:
        Path of each shard -> what was written there, in order.

    Raises:
        DataError: a key comes twice, or the disk is full.
    """
    if shards < 1:
        raise ValueError(f"shards must be at least 1; received {shards}.")
    hashed: dict[bytes, Callable[[], bytes]] = {}
    for key, fetch in items:
        digest = hashlib.sha256(key.encode()).digest()
        if digest in hashed:
            raise DataError(f"The key {key!r} comes twice in {name}: two clips have one name. Rename one of them.")
        hashed[digest] = fetch
    order = sorted(hashed)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made ({error}). Make room on the disk, or write elsewhere.") from error
    paths = [folder / f"{name}-{index:05d}-of-{shards:05d}.tfrecord" for index in range(shards)]
    return {path: write_file(path, (hashed[key]() for key in order[index::shards])) for index, path in enumerate(paths)}


def write_file(path: Path, serialized: Iterable[bytes]) -> ShardEntry:
    """Writes one TFRecord file that is whole or not there.

    Args:
        path: of the file.
        serialized: its records, in order.

    Raises:
        DataError: it cannot be written, as where the disk is full.
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
