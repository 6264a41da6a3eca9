"""Writes TFRecord shards: whole or not there, in an order that depends on the examples' keys alone."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import tensorflow as tf

from records.errors import DataError


@dataclasses.dataclass(frozen=True)
class ShardInfo:
    """A finished shard.

    Attributes:
        path: of the file.
        examples: number of records in it.
        bytes: size of the file.
        sha256: of its content, in hexadecimal.
    """

    path: Path
    examples: int
    bytes: int
    sha256: str


def write_shards(
    items: Iterable[tuple[str, Callable[[], bytes]]], folder: Path, name: str, shards: int
) -> list[ShardInfo]:
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
        One entry a shard, in order.

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
    return [
        write_file(
            folder / f"{name}-{index:05d}-of-{shards:05d}.tfrecord", (hashed[key]() for key in order[index::shards])
        )
        for index in range(shards)
    ]


def write_file(path: Path, serialized: Iterable[bytes]) -> ShardInfo:
    """Writes one TFRecord file under a temporary name, flushes it to the disk and renames it."""
    temporary = path.with_name(path.name + ".tmp")
    examples = 0
    try:
        with tf.io.TFRecordWriter(str(temporary)) as writer:
            for record in serialized:
                writer.write(record)
                examples += 1
        with temporary.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            os.fsync(file.fileno())
        size = temporary.stat().st_size
        os.replace(temporary, path)
    except (OSError, tf.errors.OpError) as error:
        temporary.unlink(missing_ok=True)
        raise DataError(
            f"{path} cannot be written ({error}). Make room on the disk and run the same command again."
        ) from error
    return ShardInfo(path, examples, size, digest)
