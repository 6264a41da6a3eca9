"""Builds records from clips: in several processes, resumable, with the same bytes whatever the number of processes."""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import json
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from records.atomic import locked, write_json
from records.building.examples import build_group, skip_entry
from records.building.groups import ClipGroup, fingerprints, group_clips
from records.building.masks import THRESHOLD
from records.building.options import BuildOptions
from records.building.parts import (
    PARTS,
    RECORD_FOOTER,
    RECORD_HEADER,
    PartIndex,
    PartRecord,
    index_file,
    load_indices,
    read_json,
    read_record,
    record_key,
    record_writer,
    records_file,
    remove_unfinished_files,
    scratch_folder,
    take_apart,
    unfinish,
)
from records.building.workers import in_processes
from records.errors import DataError
from records.progress import escaped, progress
from records.shards import MANIFEST_FILE, SCHEMA_VERSION, ClipEntry, Manifest, ShardEntry, SkipEntry, write_shards
from records.sources import Found

Task = tuple[ClipGroup, Path, BuildOptions, str]  # the arguments of `build_part`
Runner = Callable[[Sequence[Task]], Iterable[object]]
SHARD_BYTES = 2**26
DESCRIPTION = "build.json"  # within the parts: what the records are built with
PACKAGES = ("av", "mtcnn", "numpy", "opencv-python", "opencv-python-headless", "tensorflow")


def build_records(
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
        run: runs tasks, each the arguments of `build_part`, and yields something for each as it is done; None runs
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
    groups = group_clips(found.clips)
    prints = fingerprints(groups)
    skips = [SkipEntry(skip.clip, skip.label, skip.reason, skip.split) for skip in found.skips]
    description = _describe(found, options, source)
    with locked(out, "building into"):
        remove_unfinished_files(out)
        if (out / MANIFEST_FILE).is_file():
            manifest = _finished(out, description, found)
            if manifest.groups == prints and [skip for skip in manifest.skips if not skip.group] == _ordered(skips):
                shutil.rmtree(out / PARTS, ignore_errors=True)
                say(f"{out} is finished already.")
                return manifest
            say(
                f"{out} is finished, but the videos have changed since; what is made from those that did is built anew."
            )
            shutil.rmtree(out / PARTS, ignore_errors=True)
            write_json(out / PARTS / DESCRIPTION, description)
            unfinish(out)
        else:
            _prepare(out, description, found, say)
        take_apart(out, prints)
        done = {name for name, index in load_indices(out).items() if index.fingerprint == prints.get(name)}
        waiting = [group for group in groups if group.name not in done]
        if len(waiting) < len(groups):
            say(f"Resuming {out}: {len(groups) - len(waiting)} of {len(groups)} people are done.")
        tasks = [(group, out, options, prints[group.name]) for group in waiting]
        built = run(tasks) if run is not None else in_processes(build_part, tasks, workers, died=_skip_part)
        for _ in progress(built, len(tasks), "building"):
            pass
        indices = {group.name: PartIndex.load(index_file(out, group.name)) for group in groups}
        manifest = _merge(out, dict(sorted(indices.items())), skips, found, options, description)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # a cluster may be at a task for the second time
        return manifest


def build_part(group: ClipGroup, out: Path, options: BuildOptions, fingerprint: str) -> str:
    """Builds the part of one group: its records, then, as the sign that they are whole, its index; returns its name.

    A clip that cannot be used becomes a skip with its reason and never stops the others. Files are whole or not there,
    and two workers may be at one group, as happens where a cluster tries a task again.

    Raises:
        DataError: the part cannot be written.
    """
    path, index, offset = records_file(out, group.name), PartIndex(fingerprint), 0
    with scratch_folder(out, group.name) as scratch:
        with record_writer(path) as writer:
            for built in build_group(group, options, scratch):
                clip = built.clip
                if isinstance(built.entry, SkipEntry):
                    index.skips.append(built.entry)
                    continue
                index.clips[clip.video] = built.entry
                for frame_index, record in built.records:
                    writer.write(record)
                    names = clip.split, clip.compression, clip.method, record_key(clip.video, frame_index)
                    index.records.append(PartRecord(*names, path.name, offset + RECORD_HEADER, len(record)))
                    offset += RECORD_HEADER + len(record) + RECORD_FOOTER
        index.save(out, group.name)
    return group.name


def _skip_part(task: Task, reason: str) -> str:
    """The part of a group whose process died twice: nothing but skips; the next run of the command tries it again."""
    group, out, *_ = task
    reason = f"the process that worked on it died twice ({reason}); get it again, or run the same command again"
    PartIndex("", skips=[skip_entry(clip, group.name, reason) for clip in group.clips]).save(out, group.name)
    return group.name


def _describe(found: Found, options: BuildOptions, source: str) -> dict:
    """What decides the content of the records next to the videos, as JSON gives it back."""
    description = {
        "options": {**dataclasses.asdict(options), "source": source, "mask_threshold": THRESHOLD},
        "splits": dataclasses.asdict(found.splits),
        "versions": _versions(),
        "schema_version": SCHEMA_VERSION,
    }
    return json.loads(json.dumps(description))


def _finished(out: Path, description: dict, found: Found) -> Manifest:
    """The manifest of finished records; raises `DataError` where they are of other options or other videos."""
    manifest = Manifest.load(out)
    names = ("options", "splits", "versions", "schema_version")
    _must_be_equal(out, {name: dataclasses.asdict(manifest)[name] for name in names}, description)
    if gone := sorted(manifest.clips.keys() - {clip.video for clip in found.clips}):
        raise DataError(
            f"{out} holds records of other videos, such as {gone[0]}, which are not asked for now; give another --out, "
            "or remove it."
        )
    return manifest


def _prepare(out: Path, description: dict, found: Found, say: Callable[[str], object]) -> None:
    """Makes a folder ready that is new or holds an interrupted build; a `DataError` where it holds other things."""
    file = out / PARTS / DESCRIPTION
    if file.is_file():
        _must_be_equal(out, read_json(file), description)
        built = {video for index in load_indices(out).values() for video in index.clips}
        if gone := sorted(built - {clip.video for clip in found.clips}):
            say(
                f"{len(gone)} videos that were built before, such as {escaped(gone[0])}, are not asked for now and "
                "are left out."
            )
    elif any(path.name != PARTS for path in out.iterdir()):
        raise DataError(f"{out} is not empty and holds no records; give another --out.")
    else:
        write_json(file, description)


def _must_be_equal(out: Path, before: dict, now: dict) -> None:
    if before == now:
        return
    before, now = ({**one["options"], "splits": one["splits"]} for one in (before, now))
    names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
    listed = ", ".join(f"another {name}" for name in names) or "other versions of this program's packages"
    raise DataError(f"{out} holds records built with {listed}; give another --out, or remove it.")


def _merge(
    out: Path,
    indices: dict[str, PartIndex],
    skips: list[SkipEntry],
    found: Found,
    options: BuildOptions,
    description: dict,
) -> Manifest:
    """Gathers the parts' records into shards and writes the manifest."""
    by_shards: dict[tuple[str, str, str], list[PartRecord]] = {}
    clips: dict[str, ClipEntry] = {}
    for index in indices.values():
        for record in index.records:
            by_shards.setdefault((record.split, record.compression, record.method), []).append(record)
        clips.update(index.clips)
        skips = skips + index.skips
    if not by_shards:
        reasons = sorted({skip.reason for skip in skips})[:3] or ["No face was found in any frame."]
        raise DataError(f"Nothing was built: no clip has a usable face. {'; '.join(reasons)}")
    counts: dict[str, dict[str, dict[str, int]]] = {}
    shards: dict[str, ShardEntry] = {}
    for (split, compression, method), records in progress(sorted(by_shards.items()), len(by_shards), "writing shards"):
        number = -(-sum(record.length for record in records) // SHARD_BYTES)
        items = ((record.key, functools.partial(read_record, out, record)) for record in records)
        for path, shard in write_shards(items, out / split / compression, method, number).items():
            shards[path.relative_to(out).as_posix()] = shard
        counts.setdefault(split, {}).setdefault(compression, {})[method] = len(records)
    manifest = Manifest(
        size=options.size,
        options=description["options"],
        versions=description["versions"],
        counts=counts,
        clips=clips,
        skips=_ordered(skips),
        shards=shards,
        splits=found.splits,
        groups={name: index.fingerprint for name, index in indices.items()},
    )
    manifest.save(out)
    return manifest


def _ordered(skips: Iterable[SkipEntry]) -> list[SkipEntry]:
    return sorted(skips, key=lambda skip: (skip.clip, skip.reason))


def _versions() -> dict[str, str]:
    found = {}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found
