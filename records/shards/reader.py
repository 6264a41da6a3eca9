"""Reads TFRecord shards as tf.data datasets, in parallel, in an order that depends on the arguments alone."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from records.errors import DataError
from records.places import Place, Remote, place
from records.shards import bursts, schema
from records.shards.manifest import SHARD, Manifest, check_shards

REAL = "real"
GROUP = ("split", "compression", "method")  # fields of an example that its shard's path names, too
PARALLEL_FILES = 8
PARALLEL_CALLS = max(2, os.cpu_count() or 1)


def count(
    folders: Sequence[Place] | Place, split: str, compressions: Sequence[str] | str, without: Sequence[str] = ()
) -> int:
    """Number of examples of a split at one or several compressions; a folder without them counts 0.

    Args:
        folders: one folder of records, or several.
        split, compressions: which examples to count.
        without: methods that do not count.
    """
    names = [compressions] if isinstance(compressions, str) else compressions
    present = [Manifest.load(folder).counts.get(split, {}) for folder in several(folders)]
    methods = [item for counts in present for name in names for item in counts.get(name, {}).items()]
    return sum(number for method, number in methods if method not in without)


def count_bursts(folder: Place, split: str, compression: str, burst: int, without: Sequence[str] = ()) -> int:
    """Number of elements that `read` gives with these arguments; the shards are read for it."""
    shards = shards_to_read(Manifest.load(folder), folder, split, compression, without=without)
    records = [serialized(of_method, burst) for of_method in shards.values()]
    return sum(int(one.reduce(np.int64(0), lambda number, *_: number + 1)) for one in records)


def held(folder: Place, split: str, compressions: Sequence[str]) -> list[str]:
    """Those of the compressions at which a folder holds examples of a split, in the order given.

    Raises:
        DataError: it holds none of them.
    """
    manifest = Manifest.load(folder)
    present = [name for name in compressions if name in manifest.counts.get(split, {})]
    if not present:
        manifest.files(split, compressions[0])  # raises the error that lists what the folder holds
    return present


def read(
    folder: Place,
    split: str,
    compression: str,
    methods: list[str] | None = None,
    size: int | None = None,
    fields: Iterable[str] | None = None,
    chosen: np.ndarray | None = None,
    without: Sequence[str] = (),
    burst: int = 1,
) -> tf.data.Dataset:
    """Reads each example of one split at one compression once, always in the same order: for validation and evaluation.

    Methods are mixed in proportion to their numbers of examples, so that each batch has the split's mix.

    Args:
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.
        methods: `real` and manipulation methods; None for all.
        size: side of the faces that the caller needs, to which larger ones are shrunk; None for that of the records.
        fields: names of the fields wanted; None for all.
        chosen: bool (N,), which of the examples to read, in this function's order; the others are not decoded, and
            those behind the first N are not read.
        without: names of methods that are not read; the records need not hold them.
        burst: neighbouring frames that are one element; see `records.shards.bursts`. With more than 1 each field has
            them as its first dimension, and there is the field `present`.

    Returns:
        A dataset of dicts as `schema.parse` returns them.

    Raises:
        DataError: no such records, split, compression or method; another schema version or size; a damaged shard;
            shorter bursts; nothing remains without those methods.
    """
    folder = place(folder)
    manifest = Manifest.load(folder)
    bursts.check_bursts(folder, manifest, burst)
    size = checked_size(manifest, folder, size)
    shards = shards_to_read(manifest, folder, split, compression, methods, without)
    if not shards:
        raise DataError(f"{folder} holds nothing but {', '.join(without)} in the split {split!r} at {compression}.")
    numbers = [sum(shard.examples for shard in of_method) for of_method in shards.values()]
    records = tf.data.Dataset.choose_from_datasets(
        [serialized(of_method, burst) for of_method in shards.values()],
        tf.data.Dataset.from_tensor_slices(_in_proportion(numbers)),
        stop_on_empty_dataset=False,
    )
    if chosen is not None:
        marked = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(chosen), records)
        records = marked.filter(lambda wanted, _: wanted).map(lambda _, record: record)
    return parsed_fields(records, manifest.size, size, fields, burst)


def parse_record(
    record: tf.Tensor, path: tf.Tensor, group: tf.Tensor, size: int, fields: Sequence[str]
) -> dict[str, tf.Tensor]:
    """Parses an example with `schema.parse` and checks that it belongs to its shard.

    Args:
        record: serialized example, string ().
        path: path of its shard, string ().
        group: split/compression/method of that shard, string ().
        size: side of the images in pixels.
        fields: names of the fields wanted.

    Raises:
        tf.errors.InvalidArgumentError: at run time, for a damaged record or one of another group.
    """
    parsed = schema.parse(record, size, (*dict.fromkeys((*fields, *GROUP)),), path)
    own_group = tf.strings.join([parsed[name] for name in GROUP], "/")
    tf.debugging.Assert(tf.equal(own_group, group), ["it is of", own_group, "and does not belong into", path])
    return {name: parsed[name] for name in fields}


def group_of(name: str) -> str:
    """The split/compression/method that a shard's name in the manifest tells."""
    return "/".join(SHARD.fullmatch(name).groups())


def several(folders: Sequence[Place] | Place) -> list[Place]:
    """One folder or several folders, as a list."""
    return [place(folders)] if isinstance(folders, str | Path | Remote) else [place(folder) for folder in folders]


def checked_size(manifest: Manifest, folder: Place, size: int | None) -> int:
    """The side of the faces that are read."""
    if size is not None and manifest.size < size:
        raise DataError(
            f"{folder} holds faces of {manifest.size} pixels, the model takes {size}; build with --size {size}, "
            f"or train with --size {manifest.size}."
        )
    return size or manifest.size


@dataclasses.dataclass(frozen=True)
class ShardPart:
    """A shard to read, or a part of it.

    Attributes:
        path: its file.
        group: its split/compression/method.
        examples: number of examples in the file.
        skip: number of elements (examples, or bursts) before the part.
        take: number of elements in it; -1 for all that follow.
    """

    path: str
    group: str
    examples: int
    skip: int = 0
    take: int = -1


def shards_to_read(
    manifest: Manifest,
    folder: Place,
    split: str,
    compression: str,
    methods: list[str] | None = None,
    without: Sequence[str] = (),
) -> dict[str, list[ShardPart]]:
    """Method -> its shards, whole, after their size and ends were compared with the manifest."""
    found = manifest.files(split, compression, methods)
    files = {method: names for method, names in found.items() if method not in without}
    check_shards(folder, manifest, [name for names in files.values() for name in names])
    return {
        method: [ShardPart(str(folder / name), group_of(name), manifest.shards[name].examples) for name in names]
        for method, names in files.items()
    }


def serialized(shards: Sequence[ShardPart], burst: int = 1) -> tf.data.Dataset:
    """A dataset of (serialized example, path of its shard, split/compression/method), from parts of shards in turn.

    With a `burst` of more than 1 the serialized examples of each burst are one element, string (n,).
    """
    at_once = min(PARALLEL_FILES, len(shards))
    columns = zip(*map(dataclasses.astuple, shards), strict=True)
    return tf.data.Dataset.from_tensor_slices(tuple(map(list, columns))).interleave(
        functools.partial(_records_of_shard, burst=burst),
        cycle_length=at_once,
        num_parallel_calls=min(PARALLEL_CALLS, at_once),
        deterministic=True,
    )


def _records_of_shard(
    path: tf.Tensor, group: tf.Tensor, examples: tf.Tensor, skip: tf.Tensor, take: tf.Tensor, burst: int
) -> tf.data.Dataset:
    records = tf.data.TFRecordDataset(path).apply(tf.data.experimental.assert_cardinality(tf.cast(examples, tf.int64)))
    if burst > 1:
        records = bursts.grouped(records, burst)
    records = records.skip(tf.cast(skip, tf.int64)).take(tf.cast(take, tf.int64))
    return tf.data.Dataset.zip(records, *(tf.data.Dataset.from_tensors(value).repeat() for value in (path, group)))


def _in_proportion(numbers: Sequence[int]) -> np.ndarray:
    """An order of sources, int64 (sum,), in which source i occurs `numbers[i]` times, evenly spread."""
    positions = [(np.arange(number) + 0.5) / number for number in numbers]
    sources = np.repeat(np.arange(len(numbers)), numbers)
    return sources[np.argsort(np.concatenate(positions), kind="stable")]


def parsed_fields(
    records: tf.data.Dataset, stored: int, size: int, fields: Iterable[str] | None, burst: int = 1
) -> tf.data.Dataset:
    """Parses in parallel, and shrinks faces of `stored` pixels to `size`.

    Autotuning is off because such a pipeline ends slowly (up to 30 s for each epoch).
    """
    names = tuple(schema.BY_NAME if fields is None else fields)
    needed = names if size == stored else tuple(dict.fromkeys((*names, "frame")))

    def parsed(record: tf.Tensor, path: tf.Tensor, group: tf.Tensor) -> dict[str, tf.Tensor]:
        found = parse_record(record, path, group, stored, needed)
        if size == stored:
            return found
        smaller = schema.shrunk(found, size)
        return {name: smaller[name] for name in names}

    def parsed_burst(records: tf.Tensor, path: tf.Tensor, group: tf.Tensor) -> dict[str, tf.Tensor]:
        return bursts.parsed(records, burst, lambda record: parsed(record, path, group))

    options = tf.data.Options()
    options.autotune.enabled = False
    return records.map(
        parsed if burst == 1 else parsed_burst, num_parallel_calls=PARALLEL_CALLS, deterministic=True
    ).with_options(options)
