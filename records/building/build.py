"""Builds records from clips: in several processes, resumable, with the same bytes whatever the number of processes."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib.metadata
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from records.building.masks import THRESHOLD
from records.building.options import BuildOptions
from records.building.parts import (
    PARTS,
    RECORD_FOOTER,
    RECORD_HEADER,
    alone,
    index_file,
    own_folder,
    part_name,
    publish,
    read_json,
    set_aside,
    take_over,
    write_json,
)
from records.building.unit import Unit
from records.building.workers import in_processes
from records.errors import DataError
from records.footage.footage import Footage
from records.progress import progress
from records.shards.manifest import FILE as MANIFEST_FILE
from records.shards.manifest import Manifest
from records.shards.schema import SCHEMA_VERSION, serialize
from records.shards.writer import write_file, write_shards
from records.sources.clip import Clip, Found, Skip

Runner = Callable[[Sequence[tuple]], Iterable[object]]
SHARD_BYTES = 2**26
UNSAFE = re.compile(r"[^\w.-]", re.ASCII)
PACKAGES = ("av", "mtcnn", "numpy", "opencv-python", "opencv-python-headless", "tensorflow")


def build(
    found: Found,
    out: Path,
    options: BuildOptions,
    workers: int = 1,
    source: str = "ffpp",
    say: Callable[[str], object] = print,
    run: Runner | None = None,
) -> Manifest:
    """Builds the records of what a source found into `out`, or goes on where an interrupted build stopped.

    Where `out` holds finished records of the same options and the videos have changed since (some were missing, others
    damaged), what is made from those that did is built anew and everything else is kept.

    Args:
        found: clips, and what the source missed, which goes into the manifest with what turns out to be unusable.
        out: folder of the records.
        options: what decides their content.
        workers: processes; they decide nothing but the time.
        source: name of the source, for the manifest.
        say: takes one line of text.
        run: runs tasks, each the arguments of `build_unit`, and yields something for each as it is done; None runs
            them here, in `workers` processes.

    Returns:
        The manifest, as written.

    Raises:
        DataError: `out` holds other records, another process builds there, no clip is usable, or a full disk.
    """
    if not found.clips:
        raise DataError(
            "There is no clip to build. " + (found.skips[0].reason if found.skips else "The splits name none.")
        )
    _size.cache_clear()  # files may have changed since this process built last
    units = units_of(found.clips)
    prints = {name: _fingerprint(unit) for name, unit in units.items()}
    skips = _ordered([dataclasses.asdict(skip) for skip in found.skips])
    options_and_more = {
        **dataclasses.asdict(options),
        "source": source,
        "mask_threshold": THRESHOLD,
        "splits": found.splits,
    }
    description = json.loads(
        json.dumps({"options": options_and_more, "versions": _versions(), "schema_version": SCHEMA_VERSION})
    )
    with alone(out):
        finished = _prepare(out, description, {clip.video for clip in found.clips}, prints, skips, say)
        if finished is not None:
            return finished
        waiting = {name: unit for name, unit in units.items() if _index(out, name).get("fingerprint") != prints[name]}
        if len(waiting) < len(units):
            say(f"Resuming {out}: {len(units) - len(waiting)} of {len(units)} people are done.")
        tasks = [(name, unit, out, options, prints[name]) for name, unit in waiting.items()]
        done = run(tasks) if run is not None else in_processes(build_unit, tasks, workers, died=_died)
        for _ in progress(done, len(tasks), "building"):
            pass
        indices = [(name, read_json(index_file(out, name))) for name in sorted(units)]
        manifest = _merge(out, indices, skips, options.size, description)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # a cluster may be at a task for the second time
        return manifest


def build_unit(name: str, clips: Sequence[Clip], out: Path, options: BuildOptions, fingerprint: str) -> str:
    """Builds the part of one unit: its records, then, as the sign that they are whole, its index.

    A clip that cannot be used becomes a skip with its reason and never stops the others. Nothing is written in its
    place before it is whole, and two workers may be at one unit, as happens where a cluster tries a task again.
    """
    index: dict[str, object] = {"fingerprint": fingerprint, "keys": [], "clips": {}, "skips": []}
    with own_folder(out, name) as scratch:
        write_file(scratch / part_name(name), _serialized(name, Unit(clips, options, scratch), clips, index))
        write_json(scratch / index_file(out, name).name, index)
        publish(scratch, out, name)
    return name


def _died(task: tuple, reason: str) -> str:
    """The part of a unit whose process died twice: nothing but skips; the next run of the command tries it again."""
    name, clips, out, *_ = task
    reason = f"the process that worked on it died twice ({reason}); get it again, or run the same command again"
    skips = [_skip(clip, reason, name) for clip in clips]
    write_json(index_file(out, name), {"fingerprint": "", "keys": [], "clips": {}, "skips": skips})
    return name


def _skip(clip: Clip, reason: str, unit: str) -> dict:
    return {**dataclasses.asdict(Skip(clip.video, clip.label, reason, clip.split)), "unit": unit}


def _serialized(name: str, unit: Unit, clips: Sequence[Clip], index: dict) -> Iterator[bytes]:
    offset = 0
    for group in by_name(clips):
        for clip in group:
            try:
                examples, counts = unit.examples(clip)
                records = [(example.frame_index, serialize(example)) for example in examples]
            except MemoryError:  # the machine's fault, not the clip's: stop, so that the same command can go on later
                raise
            except Exception as error:  # whatever is wrong with one clip, the others are built, and the reason is kept
                reason = str(error) if isinstance(error, DataError) else f"{type(error).__name__}: {error}"
                index["skips"].append(_skip(clip, reason, name))
                continue
            for frame_index, record in records:
                place = [part_name(name), offset + RECORD_HEADER, len(record)]
                index["keys"].append([clip.split, clip.compression, clip.method, f"{clip.video}#{frame_index}", *place])
                offset += RECORD_HEADER + len(record) + RECORD_FOOTER
                yield record
            described = {field: getattr(clip, field) for field in ("split", "label", "method", "compression", "notes")}
            index["clips"][clip.video] = {
                **described,
                "subjects": list(clip.subjects),
                "unit": name,
                **dataclasses.asdict(counts),
            }
        unit.forget(group)


def _prepare(
    out: Path, description: dict, videos: set[str], prints: dict[str, str], skips: list[dict], say
) -> Manifest | None:
    """Makes the folder ready; gives the manifest when the very same build is finished already."""
    parts = out / PARTS
    if (out / MANIFEST_FILE).is_file():
        manifest = Manifest.load(out)
        held = {"options": manifest.options, "versions": manifest.versions, "schema_version": manifest.schema_version}
        if held != description:
            raise DataError(_other(out, held["options"], description["options"]))
        if gone := sorted(manifest.clips.keys() - videos):
            raise DataError(
                f"{out} holds records of other videos, such as {gone[0]}, which are not asked for now; give another "
                "--out, or remove it."
            )
        shutil.rmtree(parts, ignore_errors=True)
        if manifest.units == prints and [skip for skip in manifest.skips if "unit" not in skip] == skips:
            say(f"{out} is finished already.")
            return manifest
        say(f"{out} is finished, but the videos have changed since; what is made from those that did is built anew.")
        write_json(parts / "build.json", description)
        set_aside(out, parts)
    elif (parts / "build.json").is_file():
        before = read_json(parts / "build.json")
        if before != description:
            raise DataError(_other(out, before["options"], description["options"]))
        built = {video for index in parts.glob("*-*.json") for video in read_json(index)["clips"]}
        if gone := sorted(built - videos):
            say(
                f"{len(gone)} videos that were built before, such as {gone[0]}, are not asked for now and are left out."
            )
    elif out.is_dir() and any(path.name != PARTS for path in out.iterdir()):
        raise DataError(f"{out} is not empty and holds no records; give another --out.")
    else:
        write_json(parts / "build.json", description)
    take_over(out, parts, prints)
    return None


def _other(out: Path, before: dict, now: dict) -> str:
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    listed = ", ".join(f"another {name}" for name in names)
    listed = listed or "other versions of this program's packages"
    return f"{out} holds records built with {listed}; give another --out, or remove it."


def _merge(out: Path, indices: list[tuple[str, dict]], skips: list[dict], size: int, description: dict) -> Manifest:
    """Gathers the parts' records into shards and writes the manifest."""
    groups: dict[tuple[str, str, str], list[tuple[str, Path, int, int]]] = {}
    clips: dict[str, dict] = {}
    for _, index in indices:
        for split, compression, method, key, part, offset, length in index["keys"]:
            groups.setdefault((split, compression, method), []).append((key, out / PARTS / part, offset, length))
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
    options, versions = description["options"], description["versions"]
    prints = {name: index["fingerprint"] for name, index in indices}
    manifest = Manifest(size, options, versions, counts, clips, _ordered(skips), shards, prints)
    manifest.save(out)
    return manifest


def _fetch(path: Path, offset: int, length: int) -> bytes:
    with path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _ordered(skips: Sequence[dict]) -> list[dict]:
    return sorted(skips, key=lambda skip: (skip["clip"], skip["reason"]))


def units_of(clips: Sequence[Clip]) -> dict[str, list[Clip]]:
    """Clips by their pristine twin; a unit is named after it, as a file can be."""
    units: dict[str, list[Clip]] = {}
    for clip in clips:
        plain = UNSAFE.sub("_", clip.twin)
        if plain != clip.twin or len(plain) > 64:  # two names must not become one
            plain = f"{plain[-64:]}-{hashlib.sha256(clip.twin.encode()).hexdigest()[:12]}"
        units.setdefault(f"{clip.split}-{plain}", []).append(clip)
    return units


def by_name(clips: Sequence[Clip]) -> list[list[Clip]]:
    groups: dict[tuple[str, str], list[Clip]] = {}
    for clip in clips:
        groups.setdefault((clip.method, clip.name), []).append(clip)
    return list(groups.values())


def _fingerprint(clips: Sequence[Clip]) -> str:
    """Changes when clips of a unit come, go, or change their size, their twin or what is known of them."""

    def facts(footage: Footage) -> list:
        encoding = footage.encoding and dataclasses.astuple(footage.encoding)
        return [footage.path.name, _size(footage.path), encoding, footage.sampled]

    described = [
        [clip.video, clip.split, clip.subjects, clip.quality, clip.target_known, clip.mask_known, clip.notes]
        + [facts(footage) for footage in (clip.footage, clip.best, clip.pristine)]
        for clip in clips
    ]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


@functools.lru_cache(maxsize=4096)
def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; -1 where it cannot be read."""
    try:
        if path.is_dir():
            return sum(entry.stat().st_size for entry in os.scandir(path))
        return path.stat().st_size if os.access(path, os.R_OK) else -1
    except OSError:
        return -1


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _index(out: Path, name: str) -> dict:
    """The index of a finished part; empty where there is none."""
    return read_json(index_file(out, name)) if index_file(out, name).is_file() else {}
