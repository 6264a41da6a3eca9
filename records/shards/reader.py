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
from records.shards import bursts, schema
from records.shards.manifest import SHARD, Manifest, check_shards

REAL = "real"
SHUFFLE_BUFFER = 4096  # serialized examples in memory for each class; about 100 KB each at 225 pixels
GROUP = ("split", "compression", "method")  # fields of an example that its shard's path names, too
PARALLEL_FILES = 8
PARALLEL_CALLS = max(2, os.cpu_count() or 1)


def count(
    folders: Sequence[Path] | Path, split: str, compressions: Sequence[str] | str, without: Sequence[str] = ()
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


def count_bursts(folder: Path, split: str, compression: str, burst: int, without: Sequence[str] = ()) -> int:
    """Number of elements that `read` gives with these arguments; the shards are read for it."""
    shards = _shards(Manifest.load(folder), folder, split, compression, without=without)
    records = [_records(of_method, burst) for of_method in shards.values()]
    return sum(int(one.reduce(np.int64(0), lambda number, *_: number + 1)) for one in records)


def held(folder: Path, split: str, compressions: Sequence[str]) -> list[str]:
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
    folder: Path,
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
        chosen: bool (N,), which of the N examples to read, in this function's order; the others are not decoded.
        without: names of methods that are not read; the records need not hold them.
        burst: neighbouring frames that are one element; see `records.shards.bursts`. With more than 1 each field has
            them as its first dimension, and there is the field `present`.

    Returns:
        A dataset of dicts as `schema.parse` returns them.

    Raises:
        DataError: no such records, split, compression or method; another schema version or size; a damaged shard;
            shorter bursts; nothing remains without those methods.
    """
    folder = Path(folder)
    manifest = Manifest.load(folder)
    bursts.check_bursts(folder, manifest, burst)
    size = _checked_size(manifest, folder, size)
    shards = _shards(manifest, folder, split, compression, methods, without)
    if not shards:
        raise DataError(f"{folder} holds nothing but {', '.join(without)} in the split {split!r} at {compression}.")
    numbers = [sum(shard.examples for shard in of_method) for of_method in shards.values()]
    records = tf.data.Dataset.choose_from_datasets(
        [_records(of_method, burst) for of_method in shards.values()],
        tf.data.Dataset.from_tensor_slices(_in_proportion(numbers)),
        stop_on_empty_dataset=False,
    )
    if chosen is not None:
        marked = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(chosen), records)
        records = marked.filter(lambda wanted, _: wanted).map(lambda _, record: record)
    return _parsed(records, manifest.size, size, fields, burst)


def read_training(
    folders: Sequence[Path] | Path,
    split: str = "train",
    compressions: Sequence[str] = ("c40",),
    seed: int = 0,
    epoch: int = 0,
    balanced: bool = True,
    size: int | None = None,
    fields: Iterable[str] | None = None,
    shuffle_buffer: int = SHUFFLE_BUFFER,
    without: Sequence[str] = (),
    burst: int = 1,
) -> tf.data.Dataset:
    """Reads the examples of one training epoch one by one, shuffled; there are as many as in the split.

    The order depends on (seed, epoch) and TensorFlow's global seed alone, not on what was read before. With `balanced`,
    real and manipulated faces alternate, and the manipulated ones come from all methods in turn; the smaller class is
    repeated as often as needed, in another order each time.

    Args:
        folders: one folder of records, or several.
        split, compressions: which examples to read. A folder need not hold all of the compressions.
        seed, epoch: they decide the order.
        balanced: alternate real and manipulated faces; if False, every example comes once.
        size: side of the faces that the caller needs, to which larger ones are shrunk; None for that of the records.
        fields: names of the fields wanted; None for all.
        shuffle_buffer: examples of each class held in memory for shuffling.
        without: names of methods that are not read; the records need not hold them.
        burst: as in `read`; there are then as many bursts as the examples fill.

    Raises:
        DataError: as in `read`; or, with `balanced`, a class without examples.
    """
    folders = several(folders)
    manifests = [Manifest.load(folder) for folder in folders]
    sizes = {manifest.size for manifest in manifests}
    if len(sizes) > 1:
        raise DataError(f"The records hold faces of different sizes, {sorted(sizes)}; build them with one --size.")
    for folder, manifest in zip(folders, manifests, strict=True):
        bursts.check_bursts(folder, manifest, burst)
    size = _checked_size(manifests[0], folders[0], size)
    shuffle_buffer = -(-shuffle_buffer // burst)
    shards: dict[str, list[_Shard]] = {}
    for folder, manifest in zip(folders, manifests, strict=True):
        for compression in held(folder, split, compressions):
            for method, of_method in _shards(manifest, folder, split, compression, without=without).items():
                shards.setdefault(method, []).extend(of_method)
    rng = np.random.default_rng((seed, epoch))
    total = sum(shard.examples for of_method in shards.values() for shard in of_method) // burst
    if balanced:
        fakes = sorted(method for method in shards if method != REAL)
        if not fakes or REAL not in shards:
            missing = "real" if fakes else "manipulated"
            raise DataError(
                f"The {split} split at {', '.join(compressions)} holds no {missing} faces; training needs both classes."
            )
        half = -(-total // 2)
        needed = {REAL: half, **dict.fromkeys(fakes, -(-half // len(fakes)))}
        buffers = {REAL: shuffle_buffer, **dict.fromkeys(fakes, -(-shuffle_buffer // len(fakes)))}
        streams = {
            method: _repeated(shards[method], needed[method], rng, buffers[method], burst) for method in (REAL, *fakes)
        }
        fake = _alternating([streams[method] for method in fakes])
        shuffled = _alternating([streams[REAL], fake]).take(total)
    else:
        every = [shard for method in sorted(shards) for shard in shards[method]]
        shuffled = _shuffled(every, rng, 2 * shuffle_buffer, burst)
    return _parsed(shuffled, sizes.pop(), size, fields, burst)


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


def several(folders: Sequence[Path] | Path) -> list[Path]:
    """One folder or several folders, as a list."""
    return [Path(folders)] if isinstance(folders, str | Path) else [Path(folder) for folder in folders]


def _checked_size(manifest: Manifest, folder: Path, size: int | None) -> int:
    """The side of the faces that are read."""
    if size is not None and manifest.size < size:
        raise DataError(
            f"{folder} holds faces of {manifest.size} pixels, the model takes {size}; build with --size {size}, "
            f"or train with --size {manifest.size}."
        )
    return size or manifest.size


@dataclasses.dataclass(frozen=True)
class _Shard:
    """A shard to read: its path, its split/compression/method, and its number of examples."""

    path: str
    group: str
    examples: int


def _shards(
    manifest: Manifest,
    folder: Path,
    split: str,
    compression: str,
    methods: list[str] | None = None,
    without: Sequence[str] = (),
) -> dict[str, list[_Shard]]:
    """Method -> its shards, after their size and ends were compared with the manifest."""
    found = manifest.files(split, compression, methods)
    files = {method: names for method, names in found.items() if method not in without}
    check_shards(folder, manifest, [name for names in files.values() for name in names])
    return {
        method: [_Shard(str(folder / name), group_of(name), manifest.shards[name].examples) for name in names]
        for method, names in files.items()
    }


def _records(shards: Sequence[_Shard], burst: int = 1) -> tf.data.Dataset:
    """A dataset of (serialized example, path of its shard, split/compression/method), from several shards in turn.

    With a `burst` of more than 1 the serialized examples of each burst are one element, string (n,).
    """
    at_once = min(PARALLEL_FILES, len(shards))
    columns = zip(*((shard.path, shard.group, shard.examples) for shard in shards), strict=True)
    return tf.data.Dataset.from_tensor_slices(tuple(map(list, columns))).interleave(
        functools.partial(_records_of_shard, burst=burst),
        cycle_length=at_once,
        num_parallel_calls=min(PARALLEL_CALLS, at_once),
        deterministic=True,
    )


def _records_of_shard(path: tf.Tensor, group: tf.Tensor, examples: tf.Tensor, burst: int) -> tf.data.Dataset:
    records = tf.data.TFRecordDataset(path).apply(tf.data.experimental.assert_cardinality(tf.cast(examples, tf.int64)))
    if burst > 1:
        records = bursts.grouped(records, burst)
    return tf.data.Dataset.zip(records, *(tf.data.Dataset.from_tensors(value).repeat() for value in (path, group)))


def _in_proportion(numbers: Sequence[int]) -> np.ndarray:
    """An order of sources, int64 (sum,), in which source i occurs `numbers[i]` times, evenly spread."""
    positions = [(np.arange(number) + 0.5) / number for number in numbers]
    sources = np.repeat(np.arange(len(numbers)), numbers)
    return sources[np.argsort(np.concatenate(positions), kind="stable")]


def _shuffled(shards: list[_Shard], rng: np.random.Generator, buffer: int, burst: int) -> tf.data.Dataset:
    order = [shards[index] for index in rng.permutation(len(shards))]
    return _records(order, burst).shuffle(buffer, seed=int(rng.integers(2**31)), reshuffle_each_iteration=False)


def _repeated(shards: list[_Shard], needed: int, rng: np.random.Generator, buffer: int, burst: int) -> tf.data.Dataset:
    """At least `needed` examples or bursts: the shards are read as often as that takes, each time in another order."""
    held = max(1, sum(shard.examples for shard in shards) // burst)  # or more: bursts may be shorter
    passes = [_shuffled(shards, rng, buffer, burst) for _ in range(-(-needed // held))]
    stream = passes[0]
    for another in passes[1:]:
        stream = stream.concatenate(another)
    return stream


def _alternating(streams: list[tf.data.Dataset]) -> tf.data.Dataset:
    return tf.data.Dataset.choose_from_datasets(
        streams, tf.data.Dataset.range(len(streams)).repeat(), stop_on_empty_dataset=True
    )


def _parsed(
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
