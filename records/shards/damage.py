"""Finds the damaged shard when reading fails, because TensorFlow's message names only an offset or a graph node."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Iterator, Sequence

import tensorflow as tf

from records.errors import DataError
from records.places import Place
from records.progress import progress
from records.shards import reader, schema
from records.shards.manifest import Manifest, check_shards, verify

# What TensorFlow raises for damaged records; a lack of memory or an interruption is another error.
READ_ERRORS = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.OutOfRangeError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnknownError,
    UnicodeDecodeError,  # TensorFlow cannot show an error message that holds a record's bytes
)
ASSERTION = re.compile(r"assertion failed: \[(.*?)\]")


@contextlib.contextmanager
def naming_the_shard(folders: Sequence[Place] | Place) -> Iterator[None]:
    """Inside this block, TensorFlow's read errors become a `DataError` that names the shard and what is wrong with it.

    After an error, the shards are compared with the manifest: first their size and ends, then their hash; then every
    record is parsed. If no shard is damaged, TensorFlow's error is raised unchanged.

    Args:
        folders: the records that are read.
    """
    try:
        yield
    except READ_ERRORS as error:
        for folder in reader.several(folders):
            _raise_for_damaged_shard(folder, str(error))
        raise


def _raise_for_damaged_shard(folder: Place, message: str) -> None:
    """Raises `DataError` for the first damaged shard; looks first at those that TensorFlow's message names."""
    manifest = Manifest.load(folder)
    named = [name for name in sorted(manifest.shards) if str(folder / name) in message]
    for name in named:
        _check_records(folder, name, manifest)
    check_shards(folder, manifest, sorted(manifest.shards))
    verify(folder)
    others = sorted(manifest.shards.keys() - set(named))
    for name in progress(others, len(others), f"Looking for the damaged shard of {folder}"):
        _check_records(folder, name, manifest)


def _check_records(folder: Place, name: str, manifest: Manifest) -> None:
    """Raises `DataError` unless every record of a shard parses and their number is the manifest's."""
    check_shards(folder, manifest, [name])
    path, number, record = folder / name, 0, b""
    damaged = f"{path} is damaged; build the records again."
    parse, group = _parse(manifest.size), reader.group_of(name)
    try:
        for record in tf.data.TFRecordDataset(str(path)):
            parse(record, str(path), group)
            number += 1
    except READ_ERRORS as error:
        raise DataError(f"{damaged} Record {number + 1}: {_reason(record.numpy(), group, error)}") from error
    if number != manifest.shards[name].examples:
        raise DataError(f"{damaged} It holds {number} faces, the manifest counts {manifest.shards[name].examples}.")


@functools.cache
def _parse(size: int) -> Callable[..., dict[str, tf.Tensor]]:
    return tf.function(functools.partial(reader.parse_record, size=size, fields=tuple(schema.BY_NAME)))


def _reason(record: bytes, group: str, error: Exception) -> str:
    """What is wrong with a record in a shard of `group` (split/compression/method)."""
    try:
        example = schema.decode(record)
    except schema.SchemaError as schema_error:
        return str(schema_error)
    own_group = f"{example.split}/{example.compression}/{example.method}"
    if own_group != group:
        return f"It is of {own_group} and does not belong there."
    if assertion := ASSERTION.search(str(error)):
        return assertion[1]
    return " ".join(line.strip() for line in str(error).splitlines() if line.strip())
