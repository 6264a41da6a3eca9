"""Builds records from clips: in several processes, resumable, and with the same bytes for any number of processes."""

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
    record_writer,
    records_file,
    remove_unfinished_files,
    reopen_build,
    reuse_finished_records,
    scratch_folder,
)
from records.building.workers import in_processes
from records.errors import DataError
from records.progress import escaped, progress
from records.shards import MANIFEST_FILE, SCHEMA_VERSION, ClipEntry, Manifest, ShardEntry, SkipEntry, write_shards
from records.sources import Found

Task = tuple[ClipGroup, Path, BuildOptions, str]  # the arguments of `build_part`
Runner = Callable[[Sequence[Task]], Iterable[object]]
SHARD_BYTES = 2**26
DESCRIPTION = "build.json"  # in the folder of parts: the options, splits and versions of the build
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
    """Builds records of the found clips into `out`, or resumes an interrupted build.

    If `out` holds finished records with the same options and some videos have changed since (for example because a
    missing one was added), only the groups of clips with changed videos are built again; all other records are reused.

    Args:
        found: the clips of a source, and its skips, which are copied into the manifest.
        out: folder of the records.
        options: the options that decide the records' content.
        workers: number of processes; it does not change the records.
        source: name of the source, for the manifest.
        say: prints one line of text.
        run: runs tasks, each the arguments of `build_part`, and yields a value as each is done; None runs them on this
            machine in `workers` processes.

    Returns:
        The manifest that was written.

    Raises:
        DataError: `out` holds other records, another process builds there, no clip is usable, or the disk is full.
    """
    if not found.clips:
        raise DataError(
            "There is no clip to build. " + (found.skips[0].reason if found.skips else "The splits name no clip.")
        )
    groups = group_clips(found.clips)
    new_fingerprints = fingerprints(groups)
    skips = [SkipEntry(skip.clip, skip.label, skip.reason, skip.split) for skip in found.skips]
    description = _describe(found, options, source)
    with locked(out, "building into"):
        remove_unfinished_files(out)
        if (out / MANIFEST_FILE).is_file():
            manifest = _finished(out, description, found)
            source_skips = [skip for skip in manifest.skips if not skip.group]
            if manifest.groups == new_fingerprints and source_skips == _ordered(skips):
                shutil.rmtree(out / PARTS, ignore_errors=True)
                say(f"{out} is finished already.")
                return manifest
            say(f"{out} is finished, but some videos have changed since; only their groups of clips are built again.")
            shutil.rmtree(out / PARTS, ignore_errors=True)
            write_json(out / PARTS / DESCRIPTION, description)
            reopen_build(out)
        else:
            _prepare(out, description, found, say)
        reuse_finished_records(out, new_fingerprints)
        done = {name for name, index in load_indices(out).items() if index.fingerprint == new_fingerprints.get(name)}
        waiting = [group for group in groups if group.name not in done]
        if len(waiting) < len(groups):
            say(f"Resuming {out}: {len(groups) - len(waiting)} of {len(groups)} groups of clips are done.")
        tasks = [(group, out, options, new_fingerprints[group.name]) for group in waiting]
        built = run(tasks) if run is not None else in_processes(build_part, tasks, workers, died=_skip_part)
        for _ in progress(built, len(tasks), "building"):
            pass
        indices = {group.name: PartIndex.load(index_file(out, group.name)) for group in groups}
        manifest = _merge(out, dict(sorted(indices.items())), skips, found, options, description)
        shutil.rmtree(out / PARTS, ignore_errors=True)  # a cluster may still write there: it may run a task twice
        return manifest


def build_part(group: ClipGroup, out: Path, options: BuildOptions, fingerprint: str) -> str:
    """Builds the part of one group and returns the group's name.

    The index is written after the records: if it exists, the part is complete. A clip that cannot be used becomes a
    skip with its reason, and the others are still built. Files are written atomically, so two workers may build the
    same group at the same time, as happens if a cluster runs a task again.

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
                for key, record in built.records:
                    writer.write(record)
                    names = clip.split, clip.compression, clip.method, key
                    index.records.append(PartRecord(*names, path.name, offset + RECORD_HEADER, len(record)))
                    offset += RECORD_HEADER + len(record) + RECORD_FOOTER
        index.save(out, group.name)
    return group.name


def _skip_part(task: Task, reason: str) -> str:
    """Writes the part of a group whose process died twice: only skips. The next run of the command builds it again."""
    group, out, *_ = task
    reason = f"the process that worked on it died twice ({reason}); get it again, or run the same command again"
    PartIndex("", skips=[skip_entry(clip, group.name, reason) for clip in group.clips]).save(out, group.name)
    return group.name


def _describe(found: Found, options: BuildOptions, source: str) -> dict:
    """What decides the records' content besides the videos, with types as JSON returns them."""
    description = {
        "options": {**dataclasses.asdict(options), "source": source, "mask_threshold": THRESHOLD},
        "splits": dataclasses.asdict(found.splits),
        "versions": _versions(),
        "schema_version": SCHEMA_VERSION,
    }
    return json.loads(json.dumps(description))


def _finished(out: Path, description: dict, found: Found) -> Manifest:
    """The manifest of finished records; raises `DataError` if their options differ or they hold other videos."""
    manifest = Manifest.load(out)
    names = ("options", "splits", "versions", "schema_version")
    _check_description(out, {name: dataclasses.asdict(manifest)[name] for name in names}, description)
    if others := sorted(manifest.clips.keys() - {clip.video for clip in found.clips}):
        raise DataError(
            f"{out} also holds records of videos that this command does not build, such as {others[0]}; give another "
            "--out, or remove it."
        )
    return manifest


def _prepare(out: Path, description: dict, found: Found, say: Callable[[str], object]) -> None:
    """Prepares a folder that is empty or holds an interrupted build; raises `DataError` for any other folder."""
    file = out / PARTS / DESCRIPTION
    if file.is_file():
        _check_description(out, read_json(file), description)
        built = {video for index in load_indices(out).values() for video in index.clips}
        if others := sorted(built - {clip.video for clip in found.clips}):
            say(
                f"{len(others)} videos that were built before, such as {escaped(others[0])}, are left out, since this "
                "command does not build them."
            )
    elif any(path.name != PARTS for path in out.iterdir()):
        raise DataError(f"{out} is not empty and holds no records; give another --out.")
    else:
        write_json(file, description)


def _check_description(out: Path, before: dict, now: dict) -> None:
    """Raises a `DataError` that names what differs between the descriptions of two builds into `out`."""
    if before == now:
        return
    before, now = ({**description["options"], "splits": description["splits"]} for description in (before, now))
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
    """Writes the parts' records into shards, and then the manifest."""
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
