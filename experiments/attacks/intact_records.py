"""Writes the intact records that are attacked, and reads records into one value that can be compared."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import tensorflow as tf

from experiments.audit import inspection
from faces import error_level_analysis
from records.shards import (
    ClipEntry,
    Example,
    Manifest,
    SplitsOrigin,
    naming_the_shard,
    read,
    read_training,
    serialize,
    write_shards,
)

SIZE = 64
FRAMES = 2
SHARDS = 2  # of each split, compression and method
PEOPLE = {"train": ("000", "001"), "val": ("002", "003"), "test": ("004", "005")}
METHODS = ("real", "Deepfakes", "FaceSwap")
COMPRESSIONS = ("c23", "c40")
# Values that `inspect` only copies from the manifest, or that differ as soon as a manifest is changed to fit a shard.
REPEATED = ("options", "versions", "skips", "reasons", "bytes", "content_hash")


def write_intact_records(folder: Path) -> None:
    """Writes records of six people in three splits and two compressions: a real clip and two fakes each, of noise."""
    shards, clips, counts = {}, {}, {}
    for split, people in PEOPLE.items():
        for compression in COMPRESSIONS:
            for method in METHODS:
                items = []
                for person in people:
                    video = f"made/{method}/{compression}/{person}"
                    examples = [_example(split, compression, method, person, index) for index in range(FRAMES)]
                    items += [(f"{video}#{one.frame_index}", lambda one=one: serialize(one)) for one in examples]
                    clips[video] = ClipEntry(
                        split=split,
                        label=int(method != "real"),
                        method=method,
                        compression=compression,
                        subjects=(person,),
                        frames_scored=FRAMES,
                        frames_without_face=1,
                        reasons={"no face": 1},
                        notes={"decoy": None},
                        group=f"{split}-{person}",
                    )
                for path, shard in write_shards(items, folder / split / compression, method, SHARDS).items():
                    shards[path.relative_to(folder).as_posix()] = shard
                counts.setdefault(split, {}).setdefault(compression, {})[method] = len(items)
    groups = {f"{split}-{person}": "0" * 64 for split, people in PEOPLE.items() for person in people}
    origin = SplitsOrigin(seed=0, drawn={person: split for split, people in PEOPLE.items() for person in people})
    Manifest(SIZE, {"made": "for attacks"}, {}, counts, clips, [], shards, origin, groups).save(folder)


def everything_read(folder: Path, compression: str) -> dict[str, object]:
    """The results of evaluation, training and `inspect` on records, with a hash for each stream of examples.

    Args:
        folder: the records.
        compression: compression of the training epoch.

    Raises:
        DataError: the records cannot be used; any other exception is a fault of the reader.
    """
    manifest = Manifest.load(folder)
    found: dict[str, object] = {
        name: value for name, value in inspection.summary(manifest).items() if name not in REPEATED
    }
    with naming_the_shard(folder):
        for split, compressions in manifest.counts.items():
            for level in compressions:
                found[f"{split}/{level}"] = _digest(read(folder, split, level))
        batches = read_training(folder, compressions=[compression], shuffle_buffer=8)
        found[f"training at {compression}"] = _digest(batches)
    return found


def difference(found: dict[str, object], intact: dict[str, object]) -> str:
    """Names and values that differ, in words; empty if all are equal."""
    names = sorted(name for name in {*found, *intact} if found.get(name) != intact.get(name))
    return ", ".join(f"{name}: {found.get(name)!r:.80} in the place of {intact.get(name)!r:.80}" for name in names)


def _digest(examples: tf.data.Dataset) -> list[object]:
    """Number of the examples and a hash of all their fields, in order."""
    count, digest = 0, hashlib.sha256()
    for example in examples.as_numpy_iterator():
        count += 1
        for name in sorted(example):
            value = np.asarray(example[name])
            digest.update(f"{name} {value.dtype} {value.shape} ".encode())
            digest.update(repr(value.tolist()).encode() if value.dtype == object else value.tobytes())
    return [count, digest.hexdigest()]


def _example(split: str, compression: str, method: str, person: str, index: int) -> Example:
    label = int(method != "real")
    rng = np.random.default_rng((int(person), METHODS.index(method), COMPRESSIONS.index(compression), index))
    frame = rng.integers(90, 160, (SIZE, SIZE, 3), dtype=np.uint8)
    mask = np.zeros((SIZE, SIZE, 1), np.uint8)
    mask[20:44, 20:44] = 255 * label
    return Example(
        frame=frame,
        target=frame,
        target_known=1,
        ela=error_level_analysis(frame),
        mask=mask,
        mask_known=1,
        keypoints=rng.uniform(0.3, 0.7, (5, 2)).astype(np.float32),
        label=label,
        dataset="made",
        method=method,
        compression=compression,
        split=split,
        video=f"made/{method}/{compression}/{person}",
        subjects=[person],
        frame_index=index,
        clip_position=0,
        box=np.array([0, 0, SIZE, SIZE], np.float32),
    )


def shards_of(folder: Path) -> list[Path]:
    """Every shard of the intact records, in order."""
    return sorted(folder.glob("*/*/*.tfrecord"))
