"""From TFRecord shards to tf.data: in parallel, and in an order that is a pure function of what was asked for."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from records.errors import DataError
from records.shards import schema
from records.shards.manifest import Manifest, verify

REAL = "real"
SHUFFLE_BUFFER = 4096  # serialized examples in memory for each class; 100 KB each at 225 pixels
PARALLEL_FILES = 8
PARALLEL_CALLS = max(2, os.cpu_count() or 1)


def count(folders: Sequence[Path] | Path, split: str, compression: str, methods: list[str] | None = None) -> int:
    """Number of examples of a split at a compression; 0 where a folder has none of it."""
    total = 0
    for folder in _several(folders):
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
) -> tf.data.Dataset:
    """Single examples of one split at one compression, always in the same order: for validation and evaluation.

    Args:
        folder: records written by `tfafsr build`.
        split: train, val or test.
        compression: raw, c23 or c40.
        methods: `real` and manipulation methods; None for all.
        size: side of the faces that the caller needs; None takes what there is.
        fields: names of the fields wanted; None for all.

    Returns:
        A dataset of dicts as `schema.parse` gives them.

    Raises:
        DataError: no such records, split, compression or method; another schema version or size.
    """
    manifest = Manifest.load(folder)
    size = _checked_size(manifest, folder, size)
    paths = [
        str(Path(folder) / name) for names in manifest.files(split, compression, methods).values() for name in names
    ]
    return _parsed(_files(paths), size, fields)


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
    folders = _several(folders)
    manifests = [Manifest.load(folder) for folder in folders]
    sizes = {_checked_size(manifest, folder, size) for manifest, folder in zip(manifests, folders, strict=True)}
    if len(sizes) > 1:
        raise DataError(f"The records hold faces of different sizes, {sorted(sizes)}; build them with one --size.")
    paths: dict[str, list[str]] = {}
    examples: dict[str, int] = {}
    for folder, manifest in zip(folders, manifests, strict=True):
        for method, names in manifest.files(split, compression).items():
            paths.setdefault(method, []).extend(str(folder / name) for name in names)
            examples[method] = examples.get(method, 0) + manifest.counts[split][compression][method]
    rng = np.random.default_rng((seed, epoch))
    total = sum(examples.values())
    if balanced:
        fakes = sorted(method for method in paths if method != REAL)
        if not fakes or REAL not in paths:
            missing = "real" if fakes else "manipulated"
            raise DataError(
                f"The {split} split at {compression} holds no {missing} faces; training needs both classes."
            )
        half = -(-total // 2)
        needed = {REAL: half, **dict.fromkeys(fakes, -(-half // len(fakes)))}
        buffers = {REAL: shuffle_buffer, **dict.fromkeys(fakes, -(-shuffle_buffer // len(fakes)))}
        streams = {
            method: _enough(paths[method], examples[method], needed[method], rng, buffers[method])
            for method in (REAL, *fakes)
        }
        fake = _alternating([streams[method] for method in fakes])
        shuffled = _alternating([streams[REAL], fake]).take(total)
    else:
        shuffled = _shuffled([path for method in sorted(paths) for path in paths[method]], rng, 2 * shuffle_buffer)
    return _parsed(shuffled, sizes.pop(), fields)


@contextlib.contextmanager
def naming_the_shard(folders: Sequence[Path] | Path) -> Iterator[None]:
    """Within it, a shard that does not read raises `DataError` that names it, where TensorFlow names only an offset."""
    try:
        yield
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError, tf.errors.NotFoundError) as error:
        for folder in _several(folders):
            verify(folder)
        if match := re.search(r"\S+\.tfrecord", error.message):
            raise DataError(
                f"{match[0]} cannot be read ({error.message.splitlines()[0]}); build the records again."
            ) from error
        raise


def _several(folders: Sequence[Path] | Path) -> list[Path]:
    return [Path(folders)] if isinstance(folders, str | Path) else [Path(folder) for folder in folders]


def _checked_size(manifest: Manifest, folder: Path, size: int | None) -> int:
    if size is not None and manifest.size != size:
        raise DataError(
            f"{folder} holds faces of {manifest.size} pixels, the model takes {size}; build with --size {size}, "
            f"or train with --size {manifest.size}."
        )
    return manifest.size


def _files(paths: list[str]) -> tf.data.Dataset:
    at_once = min(PARALLEL_FILES, len(paths))
    return tf.data.Dataset.from_tensor_slices(paths).interleave(
        tf.data.TFRecordDataset,
        cycle_length=at_once,
        num_parallel_calls=min(PARALLEL_CALLS, at_once),
        deterministic=True,
    )


def _shuffled(paths: list[str], rng: np.random.Generator, buffer: int) -> tf.data.Dataset:
    order = [paths[index] for index in rng.permutation(len(paths))]
    return _files(order).shuffle(buffer, seed=int(rng.integers(2**31)), reshuffle_each_iteration=False)


def _enough(paths: list[str], examples: int, needed: int, rng: np.random.Generator, buffer: int) -> tf.data.Dataset:
    """At least `needed` examples of files that hold `examples`: as many passes as that takes, each in its own order."""
    passes = [_shuffled(paths, rng, buffer) for _ in range(-(-needed // examples))]
    stream = passes[0]
    for another in passes[1:]:
        stream = stream.concatenate(another)
    return stream


def _alternating(streams: list[tf.data.Dataset]) -> tf.data.Dataset:
    return tf.data.Dataset.choose_from_datasets(
        streams, tf.data.Dataset.range(len(streams)).repeat(), stop_on_empty_dataset=True
    )


def _parsed(serialized: tf.data.Dataset, size: int, fields: Iterable[str] | None) -> tf.data.Dataset:
    """Decodes in parallel, with fixed numbers: a pipeline that tunes itself is slow to end (up to 30 s an epoch)."""
    names = None if fields is None else tuple(fields)
    parsed = serialized.map(
        lambda record: schema.parse(record, size, names), num_parallel_calls=PARALLEL_CALLS, deterministic=True
    )
    options = tf.data.Options()
    options.autotune.enabled = False
    return parsed.with_options(options)
