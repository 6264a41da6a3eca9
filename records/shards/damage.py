"""Finds the shard at fault when reading fails: TensorFlow names an offset, or the node of a graph."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import tensorflow as tf

from records.errors import DataError
from records.progress import progress
from records.shards import reader, schema
from records.shards.manifest import Manifest, check_shards, verify

# What reading raises; a lack of memory and an interruption say nothing about the records.
READING = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnknownError,
)


@contextlib.contextmanager
def naming_the_shard(folders: Sequence[Path] | Path) -> Iterator[None]:
    """Within it, TensorFlow's errors become a `DataError` that names the shard and what is wrong with it.

    On an error it compares the shards with the manifests, first cheaply, then whole, and at last reads them one by one.
    Where all of that finds nothing, the records are not at fault and the error is raised as it was.

    Args:
        folders: the records that are read.
    """
    try:
        yield
    except READING as error:
        for folder in reader.several(folders):
            _find(folder, str(error))
        raise


def _find(folder: Path, message: str) -> None:
    """Raises `DataError` for the first shard that does not read; those that TensorFlow's message names come first."""
    manifest = Manifest.load(folder)
    named = [name for name in sorted(manifest.shards) if str(folder / name) in message]
    for name in named:
        _read_alone(folder, name, manifest)
    check_shards(folder, manifest, sorted(manifest.shards))
    verify(folder)
    others = sorted(manifest.shards.keys() - set(named))
    for name in progress(others, len(others), f"Looking for the damaged shard of {folder}"):
        _read_alone(folder, name, manifest)


def _read_alone(folder: Path, name: str, manifest: Manifest) -> None:
    """Raises `DataError` unless every record of a shard parses, and there are as many as the manifest counts."""
    check_shards(folder, manifest, [name])
    path, number, record = folder / name, 0, b""
    damaged = f"{path} is damaged; build the records again."
    parse, group = _parse(manifest.size), reader.group_of(name)
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            parse(record, str(path), group)
            number += 1
    except READING as error:
        raise DataError(f"{damaged} Record {number + 1}: {_reason(record.numpy(), group, error)}") from error
    if number != manifest.shards[name].examples:
        raise DataError(f"{damaged} It holds {number} faces, the manifest counts {manifest.shards[name].examples}.")


@functools.cache
def _parse(size: int) -> Callable[..., dict[str, tf.Tensor]]:
    return tf.function(functools.partial(reader.parse_record, size=size, fields=tuple(schema.BY_NAME)))


def _reason(record: bytes, group: str, error: tf.errors.OpError) -> str:
    """What is wrong with a record of the shards of `group`: in the schema's words, or else in TensorFlow's."""
    try:
        example = schema.decode(record)
    except schema.SchemaError as found:
        return str(found)
    found = f"{example.split}/{example.compression}/{example.method}"
    if found != group:
        return f"It is of {found} and does not belong there."
    return " ".join(line.strip() for line in error.message.splitlines() if line.strip())
