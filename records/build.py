"""Builds records from clips: in several processes, resumable, with the same bytes whatever the number of processes."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from records.errors import DataError
from records.manifest import FILE as MANIFEST_FILE
from records.manifest import Manifest
from records.masks import THRESHOLD
from records.progress import progress
from records.schema import SCHEMA_VERSION, serialize
from records.sources.clip import Clip, Skip
from records.unit import Options, Unit
from records.workers import in_processes
from records.writer import write_file, write_shards

PARTS = ".parts"
SHARD_BYTES = 2**26
RECORD_HEADER, RECORD_FOOTER = 12, 4  # of a TFRecord: length and its checksum; the data's checksum
PACKAGES = ("av", "mtcnn", "numpy", "opencv-python", "opencv-python-headless", "tensorflow")


def build(
    clips: Sequence[Clip],
    skips: Sequence[Skip],
    out: Path,
    options: Options,
    workers: int = 1,
    source: str = "ffpp",
    say: Callable[[str], object] = print,
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
    described = {
        **dataclasses.asdict(options),
        "source": source,
        "mask_threshold": THRESHOLD,
        "clips": _fingerprint(clips),
    }
    versions = _versions()
    finished = _prepare(out, {"options": described, "versions": versions, "schema_version": SCHEMA_VERSION}, say)
    if finished is not None:
        return finished
    units = _units(clips)
    waiting = {name: unit for name, unit in units.items() if not _index_file(out, name).is_file()}
    if len(waiting) < len(units):
        say(f"Resuming {out}: {len(units) - len(waiting)} of {len(units)} people are done.")
    tasks = [(name, unit, out, options) for name, unit in waiting.items()]
    for _ in progress(in_processes(build_unit, tasks, workers), len(tasks), "building"):
        pass
    indices = [(name, _read_json(_index_file(out, name))) for name in sorted(units)]
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
    _write_json(_index_file(out, name), index)
    return name


def _serialized(unit: Unit, clips: Sequence[Clip], index: dict) -> Iterator[bytes]:
    offset = 0
    for group in _by_name(clips):
        for clip in group:
            try:
                examples, counts = unit.examples(clip)
                records = [(example.frame_index, serialize(example)) for example in examples]
            except MemoryError:  # the machine's fault, not the clip's: stop, so that the same command can go on later
                raise
            except Exception as error:  # whatever is wrong with one clip, the others are built, and the reason is kept
                reason = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
                index["skips"].append({"clip": clip.video, "label": clip.label, "reason": reason})
                continue
            for frame_index, record in records:
                place = [f"{clip.video}#{frame_index}", offset + RECORD_HEADER, len(record)]
                index["keys"].append([clip.split, clip.compression, clip.method, *place])
                offset += RECORD_HEADER + len(record) + RECORD_FOOTER
                yield record
            described = {name: getattr(clip, name) for name in ("split", "label", "method", "compression", "notes")}
            index["clips"][clip.video] = {**described, "subjects": list(clip.subjects), **dataclasses.asdict(counts)}
        unit.forget(group)


def _prepare(out: Path, description: dict, say) -> Manifest | None:
    """Makes the folder ready; gives the manifest when the very same build is finished already."""
    parts = out / PARTS
    if (out / MANIFEST_FILE).is_file():
        manifest = Manifest.load(out)
        if (manifest.options, manifest.versions) != (description["options"], description["versions"]):
            raise DataError(_other(out, manifest.options, description["options"]))
        shutil.rmtree(parts, ignore_errors=True)
        say(f"{out} is finished already.")
        return manifest
    if parts.is_dir() and (parts / "build.json").is_file():
        before = _read_json(parts / "build.json")
        if before != json.loads(json.dumps(description)):
            raise DataError(_other(out, before["options"], description["options"]))
        return None
    if out.is_dir() and any(path.name != PARTS for path in out.iterdir()):
        raise DataError(f"{out} is not empty and holds no records; give another --out.")
    try:
        parts.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out} cannot be made ({error}); give another --out.") from error
    _write_json(parts / "build.json", description)
    return None


def _other(out: Path, before: dict, now: dict) -> str:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    what = {"clips": "other videos"}
    listed = ", ".join(what.get(name, f"another {name}") for name in names)
    listed = listed or "other versions of this program's packages"
    return f"{out} holds records built with {listed}; give another --out, or remove it."


def _merge(
    out: Path, indices: list[tuple[str, dict]], skips: list[dict], size: int, options: dict, versions: dict
) -> Manifest:
    """Gathers the parts' records into shards and writes the manifest."""
    groups: dict[tuple[str, str, str], list[tuple[str, Path, int, int]]] = {}
    clips: dict[str, dict] = {}
    for name, index in indices:
        part = out / PARTS / f"{name}.tfrecord"
        for split, compression, method, key, offset, length in index["keys"]:
            groups.setdefault((split, compression, method), []).append((key, part, offset, length))
        clips.update(index["clips"])
        skips = skips + index["skips"]
    if not groups:
        reasons = sorted({skip["reason"] for skip in skips})[:3] or ["No face was found in any frame."]
        raise DataError(f"Nothing was built: no clip has a usable face. {'; '.join(reasons)}")
    counts: dict[str, dict[str, dict[str, int]]] = {}
    shards: dict[str, dict] = {}
    for (split, compression, method), entries in progress(sorted(groups.items()), len(groups), "writing shards"):
        number = -(-sum(length for *_, length in entries) // SHARD_BYTES)
        items = ((key, functools.partial(_fetch, *place)) for key, *place in entries)
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
    """Changes when clips come, go, or change their size, twin or notes."""
    size = functools.cache(lambda path: path.stat().st_size)
    facts = [
        [clip.video, clip.split, size(clip.path), size(clip.best), size(clip.pristine), clip.target_known, clip.notes]
        for clip in clips
    ]
    return hashlib.sha256(json.dumps(sorted(facts, key=lambda fact: fact[0]), sort_keys=True).encode()).hexdigest()


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


def _write_json(path: Path, value: object) -> None:
    temporary = path.with_name(path.name + ".tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}). Make room and run the same command again.") from error


def _read_json(path: Path) -> dict:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); remove it and run the same command again.") from error
