"""From TFRecord shards to tf.data: in parallel, and in an order that is a pure function of what was asked for."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from records.errors import DataError
from records.shards import schema
from records.shards.manifest import SHARD, Manifest, check_shards

REAL = "real"
SHUFFLE_BUFFER = 4096  # serialized examples in memory for each class; 100 KB each at 225 pixels
GROUP = ("split", "compression", "method")  # of an example; its shard's path says the same
PARALLEL_FILES = 8
PARALLEL_CALLS = max(2, os.cpu_count() or 1)


def count(folders: Sequence[Path] | Path, split: str, compression: str, methods: list[str] | None = None) -> int:
    """Number of examples of a split at a compression; 0 where a folder has none of it."""
    total = 0
    for folder in several(folders):
        present = Manifest.load(folder).counts.get(split, {}).get(compression, {})
        total += sum(number for method, number in present.items() if methods is None or method in methods)
    return total


def read(
    folder: Path,
    split: str,
    compression: str,
    methods: list[str] | None = None,
    size: int | None = None,
    fields: Iterable[str] | None = None,
    chosen: np.ndarray | None = None,
) -> tf.data.Dataset:
    """Every example of one split at one compression once, always in the same order: for validation and evaluation.

    Methods take turns in proportion to their numbers, so that each batch holds them as the whole split does.

    Args:
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.
        methods: `real` and manipulation methods; None for all.
        size: side of the faces that the caller needs; None takes what there is.
        fields: names of the fields wanted; None for all.
        chosen: bool (N,), which of the N examples are wanted, in this function's order; no other is decoded.

    Returns:
        A dataset of dicts as `schema.parse` gives them.

    Raises:
        DataError: no such records, split, compression or method; another schema version or size; a shard that is
            not what was written.
    """
    folder = Path(folder)
    manifest = Manifest.load(folder)
    size = _checked_size(manifest, folder, size)
    shards = _shards(manifest, folder, split, compression, methods)
    numbers = [sum(shard.examples for shard in some) for some in shards.values()]
    records = tf.data.Dataset.choose_from_datasets(
        [_records(some) for some in shards.values()],
        tf.data.Dataset.from_tensor_slices(_in_proportion(numbers)),
        stop_on_empty_dataset=False,
    )
    if chosen is not None:
        marked = tf.data.Dataset.zip(tf.data.Dataset.from_tensor_slices(chosen), records)
        records = marked.filter(lambda wanted, _: wanted).map(lambda _, record: record)
    return _parsed(records, size, fields)


def read_training(
    folders: Sequence[Path] | Path,
    split: str = "train",
    compression: str = "c40",
    seed: int = 0,
    epoch: int = 0,
    balanced: bool = True,
    size: int | None = None,
    fields: Iterable[str] | None = None,
    shuffle_buffer: int = SHUFFLE_BUFFER,
) -> tf.data.Dataset:
    """Single examples of one epoch of training, shuffled; as many as the split holds.

    The order is a pure function of (seed, epoch), whatever was read before. With `balanced`, real and manipulated faces
    alternate, the manipulated ones drawn from all methods in turn; the smaller class is gone through again as often as
    need be, in another order each time.

    Args:
        folders: one folder of records, or several.
        split, compression: which examples.
        seed, epoch: of the order.
        balanced: alternate real and manipulated faces; if not, every example comes once.
        size: side of the faces that the caller needs.
        fields: names of the fields wanted.
        shuffle_buffer: examples held in memory, per class, to shuffle among.

    Raises:
        DataError: as `read`; or, with `balanced`, a class without examples.
    """
    folders = several(folders)
    manifests = [Manifest.load(folder) for folder in folders]
    sizes = {_checked_size(manifest, folder, size) for manifest, folder in zip(manifests, folders, strict=True)}
    if len(sizes) > 1:
        raise DataError(f"The records hold faces of different sizes, {sorted(sizes)}; build them with one --size.")
    shards: dict[str, list[_Shard]] = {}
    for folder, manifest in zip(folders, manifests, strict=True):
        for method, some in _shards(manifest, folder, split, compression).items():
            shards.setdefault(method, []).extend(some)
    rng = np.random.default_rng((seed, epoch))
    total = sum(shard.examples for some in shards.values() for shard in some)
    if balanced:
        fakes = sorted(method for method in shards if method != REAL)
        if not fakes or REAL not in shards:
            missing = "real" if fakes else "manipulated"
            raise DataError(
                f"The {split} split at {compression} holds no {missing} faces; training needs both classes."
            )
        half = -(-total // 2)
        needed = {REAL: half, **dict.fromkeys(fakes, -(-half // len(fakes)))}
        buffers = {REAL: shuffle_buffer, **dict.fromkeys(fakes, -(-shuffle_buffer // len(fakes)))}
        streams = {method: _enough(shards[method], needed[method], rng, buffers[method]) for method in (REAL, *fakes)}
        fake = _alternating([streams[method] for method in fakes])
        shuffled = _alternating([streams[REAL], fake]).take(total)
    else:
        shuffled = _shuffled([shard for method in sorted(shards) for shard in shards[method]], rng, 2 * shuffle_buffer)
    return _parsed(shuffled, sizes.pop(), fields)


def parse_record(
    record: tf.Tensor, path: tf.Tensor, group: tf.Tensor, size: int, fields: Sequence[str]
) -> dict[str, tf.Tensor]:
    """`schema.parse`, and a check that the example belongs where it lies.

    Args:
        record: serialized example, string ().
        path: of its shard, string ().
        group: split/compression/method of that shard, string ().
        size: side of the images in pixels.
        fields: names of the fields wanted.

    Raises:
        tf.errors.InvalidArgumentError: when it runs, for a record that is damaged or of another group.
    """
    parsed = schema.parse(record, size, (*dict.fromkeys((*fields, *GROUP)),), path)
    found = tf.strings.join([parsed[name] for name in GROUP], "/")
    tf.debugging.Assert(tf.equal(found, group), ["it is of", found, "and does not belong into", path])
    return {name: parsed[name] for name in fields}


def group_of(name: str) -> str:
    """The split/compression/method of a shard's faces, by its name in the manifest."""
    return "/".join(SHARD.fullmatch(name).groups())


def several(folders: Sequence[Path] | Path) -> list[Path]:
    """One folder, or several, as a list."""
    return [Path(folders)] if isinstance(folders, str | Path) else [Path(folder) for folder in folders]


def _checked_size(manifest: Manifest, folder: Path, size: int | None) -> int:
    if size is not None and manifest.size != size:
        raise DataError(
            f"{folder} holds faces of {manifest.size} pixels, the model takes {size}; build with --size {size}, "
            f"or train with --size {manifest.size}."
        )
    return manifest.size


@dataclasses.dataclass(frozen=True)
class _Shard:
    """A file to read: its path, the split/compression/method that its faces are of, and their number."""

    path: str
    group: str
    examples: int


def _shards(
    manifest: Manifest, folder: Path, split: str, compression: str, methods: list[str] | None = None
) -> dict[str, list[_Shard]]:
    """Method -> its shards, once they are seen to be what the manifest says."""
    files = manifest.files(split, compression, methods)
    check_shards(folder, manifest, [name for names in files.values() for name in names])
    return {
        method: [_Shard(str(folder / name), group_of(name), manifest.shards[name].examples) for name in names]
        for method, names in files.items()
    }


def _group(name: str) -> str:
    """The split/compression/method of a shard's faces, by its name."""
    return "/".join(SHARD.fullmatch(name).groups())


def _records(shards: Sequence[_Shard]) -> tf.data.Dataset:
    """(serialized example, path of its shard, split/compression/method), from several shards in turn."""
    at_once = min(PARALLEL_FILES, len(shards))
    columns = zip(*((shard.path, shard.group, shard.examples) for shard in shards), strict=True)
    return tf.data.Dataset.from_tensor_slices(tuple(map(list, columns))).interleave(
        _records_of_shard, cycle_length=at_once, num_parallel_calls=min(PARALLEL_CALLS, at_once), deterministic=True
    )


def _records_of_shard(path: tf.Tensor, group: tf.Tensor, examples: tf.Tensor) -> tf.data.Dataset:
    records = tf.data.TFRecordDataset(path).apply(tf.data.experimental.assert_cardinality(tf.cast(examples, tf.int64)))
    return tf.data.Dataset.zip(records, *(tf.data.Dataset.from_tensors(one).repeat() for one in (path, group)))


def _in_proportion(numbers: Sequence[int]) -> np.ndarray:
    """Which of several sources comes next, int64 (sum,): each `numbers[i]` times, evenly spread over the whole."""
    places = [(np.arange(number) + 0.5) / number for number in numbers]
    sources = np.repeat(np.arange(len(numbers)), numbers)
    return sources[np.argsort(np.concatenate(places), kind="stable")]


def _shuffled(shards: list[_Shard], rng: np.random.Generator, buffer: int) -> tf.data.Dataset:
    order = [shards[index] for index in rng.permutation(len(shards))]
    return _records(order).shuffle(buffer, seed=int(rng.integers(2**31)), reshuffle_each_iteration=False)


def _enough(shards: list[_Shard], needed: int, rng: np.random.Generator, buffer: int) -> tf.data.Dataset:
    """At least `needed` examples of these shards: as many passes as that takes, each in its own order."""
    examples = sum(shard.examples for shard in shards)
    passes = [_shuffled(shards, rng, buffer) for _ in range(-(-needed // examples))]
    stream = passes[0]
    for another in passes[1:]:
        stream = stream.concatenate(another)
    return stream


def _alternating(streams: list[tf.data.Dataset]) -> tf.data.Dataset:
    return tf.data.Dataset.choose_from_datasets(
        streams, tf.data.Dataset.range(len(streams)).repeat(), stop_on_empty_dataset=True
    )


def _parsed(records: tf.data.Dataset, size: int, fields: Iterable[str] | None) -> tf.data.Dataset:
    """Decodes in parallel, with fixed numbers: a pipeline that tunes itself is slow to end (up to 30 s an epoch)."""
    names = tuple(schema.BY_NAME if fields is None else fields)

    options = tf.data.Options()
    options.autotune.enabled = False
    return records.map(
        lambda record, path, group: parse_record(record, path, group, size, names),
        num_parallel_calls=PARALLEL_CALLS,
        deterministic=True,
    ).with_options(options)
