"""What records hold and leak between splits, in words, as JSON, or as a contact sheet."""

from __future__ import annotations

import dataclasses
import itertools
import os
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from experiments.audit import leaks
from records.errors import DataError
from records.shards import reader
from records.shards.manifest import Manifest

FIELDS = ("frame", "target", "ela", "mask", "mask_known", "keypoints", "video", "subjects", "frame_index")
FACES = 6  # of different people, in a row of the contact sheet
READ = 64  # records of a split at most, to find that many people
CELL, GAP, CAPTION = 88, 8, 18  # pixels of the contact sheet
TILE_WIDTH, TILE_HEIGHT = 2 * CELL + GAP, CAPTION + 2 * CELL + GAP
LABEL_WIDTH, HEADING = 170, 26
LEGEND = "Of each face: the crop with its key points, its target; below them ELA, mask (grey: unknown)"
GREEN = (0, 220, 0)
SHOWN = 5  # of a list of leaks; the JSON has more


def summary(manifest: Manifest) -> dict:
    """Counts, options, skips and the hash; everything but the clips and the shards one by one."""
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
    """Number of faces: a row for each split and compression, a column for each method."""
    table = Table(title=title, title_justify="left")
    groups = [(split, level) for split, levels in manifest.counts.items() for level in levels]
    methods = sorted({method for split, level in groups for method in manifest.counts[split][level]})
    for name in ("split", "compression", *methods):
        table.add_column(name, justify="left" if name in ("split", "compression") else "right")
    for split, level in groups:
        table.add_row(split, level, *(str(manifest.counts[split][level].get(method, 0)) for method in methods))
    return table


def contact_sheet(folder: Path) -> np.ndarray:
    """One row for each compression and method: faces of different people of all splits, with all that belongs to them.

    Args:
        folder: finished records.

    Returns:
        RGB uint8 (H, W, 3).
    """
    manifest = Manifest.load(folder)
    present: dict[str, dict[str, list[str]]] = {}  # compression -> method -> splits
    for split in leaks.in_order(manifest.counts):
        for level, methods in manifest.counts[split].items():
            for method in methods:
                present.setdefault(level, {}).setdefault(method, []).append(split)
    rows = [_text(LEGEND, LABEL_WIDTH + FACES * TILE_WIDTH, HEADING)]
    for level in leaks.in_order(present, leaks.QUALITIES):
        for method in leaks.in_order(present[level], (reader.REAL,)):
            people = _people(folder, level, method, present[level][method])
            tiles = [_tile(split, face) for split, face in people]
            blanks = [_text("", TILE_WIDTH, TILE_HEIGHT)] * (FACES - len(tiles))
            rows.append(np.concatenate([_text(f"{level} {method}", LABEL_WIDTH, TILE_HEIGHT), *tiles, *blanks], axis=1))
    return np.concatenate(rows)


def _people(folder: Path, level: str, method: str, splits: list[str]) -> list[tuple[str, dict]]:
    """(split, face) of up to FACES people, from each split as many as from the others, where it has them."""
    found: dict[str, list[tuple[str, dict]]] = {}
    known: set[bytes] = set()
    for split in splits:
        found[split] = []
        with reader.naming_the_shard(folder):
            for face in reader.read(folder, split, level, [method], fields=FIELDS).take(READ).as_numpy_iterator():
                person = (*face["subjects"], face["video"])[0]
                if person not in known:
                    known.add(person)
                    found[split].append((split, face))
                if len(found[split]) == FACES:
                    break
    in_turn = itertools.chain.from_iterable(itertools.zip_longest(*found.values()))
    chosen = [one for one in in_turn if one is not None][:FACES]
    return sorted(chosen, key=lambda one: splits.index(one[0]))


def write_png(path: Path, picture: np.ndarray) -> None:
    # cv2.imwrite answers a folder that is not there with False, and an unknown ending with an error of its own.
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}); name a file in a folder that is there.") from error


def _tile(split: str, face: dict[str, np.ndarray]) -> np.ndarray:
    """One face, (TILE_HEIGHT, TILE_WIDTH, 3): the crop with key points beside its target, over ELA and mask."""
    marked = _resized(face["frame"])
    for x, y in face["keypoints"] * CELL:
        cv2.circle(marked, (round(float(x)), round(float(y))), 2, GREEN, -1, cv2.LINE_AA)
    mask = face["mask"] if face["mask_known"] else np.full_like(face["mask"], 128)
    above = np.concatenate([marked, _resized(face["target"])], axis=1)
    below = np.concatenate([_resized(face["ela"]), _resized(np.repeat(mask, 3, axis=2))], axis=1)
    clip = face["video"].decode().split("/")[-1]
    caption = _text(f"{split} {clip[-16:]} #{int(face['frame_index'])}", 2 * CELL, CAPTION)
    return np.pad(np.concatenate([caption, above, below]), ((0, GAP), (0, GAP), (0, 0)), constant_values=255)


def _resized(picture: np.ndarray) -> np.ndarray:
    shrinking = picture.shape[0] > CELL
    return cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_NEAREST)


def _text(text: str, width: int, height: int) -> np.ndarray:
    canvas = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(canvas, text, (4, height // 2 + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


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
        console.print(line, highlight=False, soft_wrap=True)


def print_leaks(found: dict) -> None:
    """Prints what `leaks.in_two_splits` found and, under `frames`, `leaks.near_duplicates` where that was asked for."""
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
        Console(markup=False).print(line, highlight=False, soft_wrap=True)


def _list(what: str, texts: list[str]) -> list[str]:
    more = [f"  and {len(texts) - SHOWN} more; --json names them."] if len(texts) > SHOWN else []
    return [f"Leak: {what}:", *(f"  {text}" for text in texts[:SHOWN]), *more] if texts else []


def _alike(splits: list[str], one: dict) -> str:
    sides = zip(splits, one["videos"], one["frame_indices"], strict=True)
    first, second = (f"{video} frame {index} ({split})" for split, video, index in sides)
    return f"{first} and {second}: correlation {one['correlation']:.3f}{', mirrored' * one['mirrored']}"
