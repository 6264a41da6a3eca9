"""Prints what records hold, and the leaks that were found between their splits."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

from rich.console import Console
from rich.table import Table

from records.progress import escaped
from records.shards import Manifest

SHOWN = 5  # entries of a list of leaks; the JSON has more


def summary(manifest: Manifest) -> dict:
    """Counts, options, skips and the content hash of a manifest, without the lists of clips and shards."""
    clips = manifest.clips.values()
    reasons: Counter = Counter()
    for clip in clips:
        reasons.update(clip.reasons)
    return {
        "schema_version": manifest.schema_version,
        "size": manifest.size,
        "options": manifest.options,
        "versions": manifest.versions,
        "counts": manifest.counts,
        "clips": len(manifest.clips),
        "clips_without_any_face": sum(clip.frames_scored == 0 for clip in clips),
        "frames_scored": sum(clip.frames_scored for clip in clips),
        "frames_without_face": sum(clip.frames_without_face for clip in clips),
        "reasons": dict(sorted(reasons.items())),
        "splits": dataclasses.asdict(manifest.splits),
        "skips": [dataclasses.asdict(skip) for skip in manifest.skips],
        "bytes": sum(shard.bytes for shard in manifest.shards.values()),
        "content_hash": manifest.content_hash,
    }


def counts_table(manifest: Manifest, title: str) -> Table:
    """The number of faces: a row for each split and compression, a column for each method."""
    table = Table(title=title, title_justify="left")
    groups = [(split, level) for split, levels in manifest.counts.items() for level in levels]
    methods = sorted({method for split, level in groups for method in manifest.counts[split][level]})
    for name in ("split", "compression", *methods):
        table.add_column(escaped(name), justify="left" if name in ("split", "compression") else "right")
    for split, level in groups:
        table.add_row(split, level, *(str(manifest.counts[split][level].get(method, 0)) for method in methods))
    return table


def print_summary(manifest: Manifest, folder: Path, checked: bool) -> None:
    console = Console(markup=False)  # folders may have [brackets] in their names
    values, splits = summary(manifest), manifest.splits.in_words()
    console.print(counts_table(manifest, f"Faces of {values['size']} pixels in {folder}"))
    total = values["frames_scored"] + values["frames_without_face"]
    lines = [
        f"{values['clips']} clips; {values['frames_scored']} of {total} frames have a face, "
        f"{values['bytes'] / 2**20:.1f} MiB, "
        f"{values['bytes'] / max(1, values['frames_scored']) / 2**10:.1f} KiB a face.",
        *(f"  {number} frames: {reason}" for reason, number in values["reasons"].items()),
        f"{len(manifest.skips)} skips.",
        *(f"  {skip.clip} (label {skip.label}): {skip.reason}" for skip in manifest.skips),
        *([f"Splits: {splits}."] if splits else []),
        "Options: " + ", ".join(f"{name} {value}" for name, value in sorted(manifest.options.items())) + ".",
        f"Content hash: {manifest.content_hash}" + (" (every shard verified)" if checked else ""),
    ]
    for line in lines:
        console.print(escaped(line), highlight=False, soft_wrap=True)


def print_leaks(found: dict) -> None:
    """Prints the result of `leaks.in_two_splits`, and that of `leaks.near_duplicates` if `found` has it as `frames`."""
    people = [f"{one['subject']} of {one['dataset']} in {', '.join(one['splits'])}" for one in found["subjects"]]
    videos = [f"{one['video']} in {', '.join(one['splits'])}" for one in found["videos"]]
    lines = _list(f"{len(people)} subjects in two splits", people) + _list(
        f"{len(videos)} videos in two splits", videos
    )
    if not lines:
        lines = ["Leak check: no subject and no video in two splits."]
    if frames := found.get("frames"):
        for pair in frames["pairs"]:
            what = f"{pair['frames']} near-duplicate pairs of frames in {' and '.join(pair['splits'])}, by videos"
            lines += _list(what, [_alike(pair["splits"], one) for one in pair["named"]])
        if not frames["pairs"]:
            lines.append(f"Leak check: no near-duplicates in two splits among {frames['compared']} frames.")
    for line in lines:
        Console(markup=False).print(escaped(line), highlight=False, soft_wrap=True)


def _list(what: str, texts: list[str]) -> list[str]:
    more = [f"  and {len(texts) - SHOWN} more; --json names them."] if len(texts) > SHOWN else []
    return [f"Leak: {what}:", *(f"  {text}" for text in texts[:SHOWN]), *more] if texts else []


def _alike(splits: list[str], one: dict) -> str:
    sides = zip(splits, one["videos"], one["frame_indices"], strict=True)
    first, second = (f"{video} frame {index} ({split})" for split, video, index in sides)
    return f"{first} and {second}: correlation {one['correlation']:.3f}{', mirrored' * one['mirrored']}"
