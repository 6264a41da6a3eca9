"""The command inspect: what a folder of records holds, in words, as JSON, or as a contact sheet."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import click
import cv2
import numpy as np
from rich.console import Console
from rich.table import Table

from records import reader
from records.errors import DataError
from records.manifest import Manifest, verify

COLUMNS = ("frame", "target", "ela", "mask", "keypoints")
CELL = 128  # pixels
LABEL_WIDTH, HEADING = 230, 26
GREEN = (0, 220, 0)


@click.command()
@click.argument("records", type=click.Path(file_okay=False, path_type=Path))
@click.option("--png", type=click.Path(dir_okay=False, path_type=Path), help="Draw a contact sheet into this file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the place of tables.")
@click.option("--verify", "check", is_flag=True, help="Read every shard and compare its hash with the manifest's.")
def inspect(records: Path, png: Path | None, as_json: bool, check: bool) -> None:
    """Say what is in a folder of records, and draw a contact sheet."""
    manifest = Manifest.load(records)
    if check:
        verify(records)
    if as_json:
        click.echo(json.dumps(summary(manifest), indent=2, sort_keys=True))
    else:
        _print(manifest, records, check)
    if png:
        _write_png(png, contact_sheet(records))
        click.echo(f"Written: {png}", err=as_json)


def summary(manifest: Manifest) -> dict:
    """Counts, options, skips and the hash; everything but the clips and the shards one by one."""
    clips = manifest.clips.values()
    reasons: Counter = Counter()
    for clip in clips:
        reasons.update(clip["reasons"])
    return {
        "schema_version": manifest.schema_version,
        "size": manifest.size,
        "options": manifest.options,
        "versions": manifest.versions,
        "counts": manifest.counts,
        "clips": len(manifest.clips),
        "clips_without_any_face": sum(clip["frames_scored"] == 0 for clip in clips),
        "frames_scored": sum(clip["frames_scored"] for clip in clips),
        "frames_without_face": sum(clip["frames_without_face"] for clip in clips),
        "reasons": dict(sorted(reasons.items())),
        "skips": manifest.skips,
        "bytes": sum(shard["bytes"] for shard in manifest.shards.values()),
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
    """One row for each split, compression and method: its first face, beside its target, ELA, mask and key points.

    Args:
        folder: finished records.

    Returns:
        RGB uint8 (H, W, 3).
    """
    manifest = Manifest.load(folder)
    rows = [_heading()]
    fields = ("frame", "target", "ela", "mask", "mask_known", "keypoints", "label")
    for split, compressions in manifest.counts.items():
        for compression, methods in compressions.items():
            for method in methods:
                faces = reader.read(folder, split, compression, [method], fields=fields)
                with reader.naming_the_shard(folder):
                    face = next(iter(faces.take(1).as_numpy_iterator()))
                rows.append(_row(f"{split} {compression} {method}", face))
    return np.concatenate(rows)


def _write_png(path: Path, picture: np.ndarray) -> None:
    # cv2.imwrite answers a folder that is not there with False, and an unknown ending with an error of its own.
    temporary = path.with_name(path.name + ".tmp")
    try:
        temporary.write_bytes(cv2.imencode(".png", picture[..., ::-1])[1].tobytes())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}); name a file in a folder that is there.") from error


def _row(text: str, face: dict[str, np.ndarray]) -> np.ndarray:
    size = face["frame"].shape[0]
    marked = _resized(face["frame"])
    for x, y in face["keypoints"] * CELL:
        cv2.circle(marked, (round(float(x)), round(float(y))), 3, GREEN, -1, cv2.LINE_AA)
    mask = face["mask"] if face["mask_known"] else np.full((size, size, 1), 128, np.uint8)
    pictures = [
        _resized(picture) for picture in (face["frame"], face["target"], face["ela"], np.repeat(mask, 3, axis=2))
    ]
    return np.concatenate([_text(text, LABEL_WIDTH, CELL), *pictures, marked], axis=1)


def _heading() -> np.ndarray:
    return np.concatenate([_text("", LABEL_WIDTH, HEADING), *(_text(name, CELL, HEADING) for name in COLUMNS)], axis=1)


def _resized(picture: np.ndarray) -> np.ndarray:
    shrinking = picture.shape[0] > CELL
    return cv2.resize(picture, (CELL, CELL), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_NEAREST)


def _text(text: str, width: int, height: int) -> np.ndarray:
    canvas = np.full((height, width, 3), 255, np.uint8)
    cv2.putText(canvas, text, (6, height // 2 + 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (0, 0, 0), 1, cv2.LINE_AA)
    return canvas


def _print(manifest: Manifest, folder: Path, checked: bool) -> None:
    console = Console(markup=False)  # folders may have [brackets] in their names
    values = summary(manifest)
    console.print(counts_table(manifest, f"Faces of {values['size']} pixels in {folder}"))
    total = values["frames_scored"] + values["frames_without_face"]
    lines = [
        f"{values['clips']} clips; {values['frames_scored']} of {total} frames have a face, "
        f"{values['bytes'] / 2**20:.1f} MiB, "
        f"{values['bytes'] / max(1, values['frames_scored']) / 2**10:.1f} KiB a face.",
        *(f"  {number} frames: {reason}" for reason, number in values["reasons"].items()),
        f"{len(manifest.skips)} skips.",
        *(f"  {skip['clip']} (label {skip['label']}): {skip['reason']}" for skip in manifest.skips),
        "Options: " + ", ".join(f"{name} {value}" for name, value in sorted(manifest.options.items())),
        f"Content hash: {manifest.content_hash}" + (" (every shard verified)" if checked else ""),
    ]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True)
