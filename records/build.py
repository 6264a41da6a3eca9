"""Builds records from clips: in several processes, resumable, with the same bytes whatever the number of processes."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.metadata
import json
import multiprocessing
import os
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from records.errors import DataError
from records.manifest import FILE as MANIFEST_FILE
from records.manifest import Manifest
from records.masks import THRESHOLD
from records.progress import progress
from records.schema import SCHEMA_VERSION, serialize
from records.sources.clip import Clip, Skip
from records.unit import Options, Unit
from records.writer import write_file, write_shards

PARTS = ".parts"
UNITS_A_WORKER = 50  # then it is replaced by a fresh one, so that no leak of a library can grow
SHARD_BYTES = 2**26
RECORD_HEADER, RECORD_FOOTER = 12, 4  # of a TFRecord: length and its checksum; the data's checksum
PACKAGES = ("av", "mtcnn", "numpy", "opencv-python", "opencv-python-headless", "tensorflow")


def build(
    clips: Sequence[Clip], skips: Sequence[Skip], out: Path, options: Options, workers: int = 1, source: str = "ffpp", say=print
) -> Manifest:
    """Builds the records of `clips` into `out`, or goes on where an interrupted build of the same clips stopped.

    Args:
        clips: what a source found.
        skips: what it missed; goes into the manifest with what turns out to be unusable.
        out: folder of the records.
        options: what decides their content.
        workers: processes; they decide nothing but the time.
        source: name of the source, for the manifest.
        say: takes one line of text.

    Returns:
        The manifest, as written.

    Raises:
        DataError: `out` holds other records, no clip is usable, a full disk, or a worker that died.
    """
    if not clips:
        raise DataError("There is no clip to build. " + (skips[0].reason if skips else "The splits name none."))
    described = {**dataclasses.asdict(options), "source": source, "mask_threshold": THRESHOLD, "clips": _fingerprint(clips)}
    versions = _versions()
    finished = _prepare(out, {"options": described, "versions": versions, "schema_version": SCHEMA_VERSION}, say)
    if finished is not None:
        return finished
    units = _units(clips)
    waiting = {name: unit for name, unit in units.items() if not _index_file(out, name).is_file()}
    if len(waiting) < len(units):
        say(f"Resuming {out}: {len(units) - len(waiting)} of {len(units)} people are done.")
    _run(waiting, out, options, workers)
    indices = [(name, json.loads(_index_file(out, name).read_text())) for name in sorted(units)]
    manifest = _merge(out, indices, [dataclasses.asdict(skip) for skip in skips], options.size, described, versions)
    shutil.rmtree(out / PARTS)
    return manifest


def build_unit(name: str, clips: Sequence[Clip], out: Path, options: Options) -> str:
    """Builds the part of one unit: its records, then, as the sign that they are whole, its index.

    A clip that cannot be used becomes a skip with its reason and never stops the others.
    """
    unit = Unit(clips, options)
    index: dict[str, object] = {"keys": [], "clips": {}, "skips": []}
    part = out / PARTS / f"{name}.tfrecord"
    write_file(part, _serialized(unit, clips, index))
    temporary = _index_file(out, name).with_suffix(".json.tmp")
    try:
        temporary.write_text(json.dumps(index))
        os.replace(temporary, _index_file(out, name))
    except OSError as error:
        raise DataError(f"{temporary} cannot be written ({error}). Make room and run the same command again.") from error
    return name


def _serialized(unit: Unit, clips: Sequence[Clip], index: dict) -> Iterator[bytes]:
    offset = 0
    for group in _by_name(clips):
        for clip in group:
            try:
                examples, counts = unit.examples(clip)
                records = [(example, serialize(example)) for example in examples]
            except Exception as error:  # whatever is wrong with one clip, the others are built, and the reason is kept
                reason = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
                index["skips"].append({"clip": clip.video, "label": clip.label, "reason": reason})
                continue
            for example, record in records:
                key = f"{clip.video}#{example.frame_index}"
                index["keys"].append([clip.split, clip.compression, clip.method, key, offset + RECORD_HEADER, len(record)])
                offset += RECORD_HEADER + len(record) + RECORD_FOOTER
                yield record
            described = {name: getattr(clip, name) for name in ("split", "label", "method", "compression", "notes")}
            index["clips"][clip.video] = {**described, "subjects": list(clip.subjects), **dataclasses.asdict(counts)}
        unit.forget(group)


def _run(waiting: dict[str, list[Clip]], out: Path, options: Options, workers: int) -> None:
    if not waiting:
        return
    pool = ProcessPoolExecutor(
        min(workers, len(waiting)),
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_start_worker,
        max_tasks_per_child=UNITS_A_WORKER,
    )
    try:
        tasks = [pool.submit(build_unit, name, clips, out, options) for name, clips in waiting.items()]
        for task in progress(as_completed(tasks), len(tasks), "building"):
            task.result()
    except BrokenProcessPool as error:
        raise DataError(
            "A worker process died, most likely for want of memory. What was built is kept: run the same command again, with "
            "fewer --workers."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start_worker() -> None:
    """One thread a worker: the workers share the cores, and sums keep their order."""
    import cv2
    import tensorflow as tf

    cv2.setNumThreads(1)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _prepare(out: Path, description: dict, say) -> Manifest | None:
    """Makes the folder ready; gives the manifest when the very same build is finished already."""
    parts, temporary = out / PARTS, out / PARTS / "build.json.tmp"
    if (out / MANIFEST_FILE).is_file():
        manifest = Manifest.load(out)
        if (manifest.options, manifest.versions) != (description["options"], description["versions"]):
            raise DataError(_other(out, manifest.options, description["options"]))
        shutil.rmtree(parts, ignore_errors=True)
        say(f"{out} is finished already.")
        return manifest
    if parts.is_dir() and (parts / "build.json").is_file():
        before = json.loads((parts / "build.json").read_text())
        if before != json.loads(json.dumps(description)):
            raise DataError(_other(out, before["options"], description["options"]))
        return None
    if out.is_dir() and any(path.name != PARTS for path in out.iterdir()):
        raise DataError(f"{out} is not empty and holds no records; give another --out.")
    parts.mkdir(parents=True, exist_ok=True)
    temporary.write_text(json.dumps(description))
    os.replace(temporary, parts / "build.json")
    return None


def _other(out: Path, before: dict, now: dict) -> str:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    what = {"clips": "other videos"}
    listed = ", ".join(what.get(name, f"another {name}") for name in names) or "other versions of this program's packages"
    return f"{out} holds records built with {listed}; give another --out, or remove it."


def _merge(out: Path, indices: list[tuple[str, dict]], skips: list[dict], size: int, options: dict, versions: dict) -> Manifest:
    """Gathers the parts' records into shards and writes the manifest."""
    groups: dict[tuple[str, str, str], list[tuple[str, Path, int, int]]] = {}
    clips: dict[str, dict] = {}
    for name, index in indices:
        for split, compression, method, key, offset, length in index["keys"]:
            groups.setdefault((split, compression, method), []).append((key, out / PARTS / f"{name}.tfrecord", offset, length))
        clips.update(index["clips"])
        skips = skips + index["skips"]
    if not groups:
        reasons = sorted({skip["reason"] for skip in skips})
        raise DataError(f"Nothing was built: no clip has a usable face. {'; '.join(reasons[:3]) or 'No face was found in any frame.'}")
    counts: dict[str, dict[str, dict[str, int]]] = {}
    shards: dict[str, dict] = {}
    for (split, compression, method), entries in progress(sorted(groups.items()), len(groups), "writing shards"):
        number = -(-sum(length for *_, length in entries) // SHARD_BYTES)
        items = ((key, lambda path=path, offset=offset, length=length: _fetch(path, offset, length)) for key, path, offset, length in entries)
        for shard in write_shards(items, out / split / compression, method, number):
            shards[str(shard.path.relative_to(out))] = {
                "examples": shard.examples,
                "bytes": shard.bytes,
                "sha256": shard.sha256,
            }
        counts.setdefault(split, {}).setdefault(compression, {})[method] = len(entries)
    ordered = sorted(skips, key=lambda skip: (skip["clip"], skip["reason"]))
    manifest = Manifest(size, options, versions, counts, clips, ordered, shards)
    manifest.save(out)
    return manifest


def _fetch(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _units(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Clips by their pristine twin; the name of a unit is that of the target's real clip."""
    units: dict[str, list[Clip]] = {}
    for clip in clips:
        units.setdefault(f"{clip.split}-{clip.subjects[0]}", []).append(clip)
    return units


def _by_name(clips: Sequence[Clip]) -> list[list[Clip]]:
    groups: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.method, clip.name), []).append(clip)
    return list(groups.values())


def _fingerprint(clips: Sequence[Clip]) -> str:
    """Changes when clips come, go, or change their size."""
    lines = sorted(f"{clip.video} {clip.split} {clip.path.stat().st_size}" for clip in clips)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _index_file(out: Path, name: str) -> Path:
    return out / PARTS / f"{name}.json"
