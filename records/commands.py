"""The command build."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import click
from rich.console import Console

from records.inspect import counts_table
from records.manifest import Manifest
from records.options import ManyValues, several
from records.sources import ffpp
from records.sources.ffpp import COMPRESSIONS

SKIPS_SHOWN = 40
FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(cls=ManyValues)
@click.option(
    "--source", type=click.Choice(["ffpp"]), default="ffpp", show_default=True, help="Layout of the data set."
)
@click.option("--root", required=True, type=FOLDER, help="Folder of the data set.")
@click.option("--out", required=True, type=FOLDER, help="Folder of the records; an interrupted build in it is resumed.")
@click.option("--splits", type=FOLDER, help="Folder with train.json, val.json and test.json.  [default: ROOT/splits]")
@several("--compressions", choices=COMPRESSIONS, help="[default: all that ROOT holds]")
@several("--methods", choices=ffpp.METHODS, help="[default: all that ROOT holds]")
@click.option(
    "--size", type=click.IntRange(64, 1024), default=225, show_default=True, help="Side of the faces in pixels."
)
@click.option("--frames-train", type=click.IntRange(1), default=200, show_default=True, help="Frames a training video.")
@click.option(
    "--frames-eval", type=click.IntRange(1), default=10, show_default=True, help="Frames a val or test video."
)
@click.option(
    "--burst", type=click.IntRange(1), default=1, show_default=True, help="Neighbouring frames at each place."
)
@click.option(
    "--keypoints-from",
    type=click.Choice(["twin", "self"]),
    default="twin",
    show_default=True,
    help="Find faces on the pristine twin, or on each frame itself.",
)
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes.  [default: one a core]")
def build(
    source: str,
    root: Path,
    out: Path,
    splits: Path | None,
    compressions: tuple[str, ...] | None,
    methods: tuple[str, ...] | None,
    workers: int,
    **options: object,
) -> None:
    """Turn a data set's videos into TFRecords of faces.

    Killed at any moment and started again, it goes on from where it was, to the same records, byte for byte.
    """
    from records.build import build as run_build
    from records.unit import Options

    clips, skips = ffpp.find_clips(root, compressions, methods, splits)
    report(run_build(clips, skips, out, Options(**options), workers, source), out)


def report(manifest: Manifest, out: Path) -> None:
    """Prints what was built, what has no face, and every skip with its reason."""
    console = Console()
    console.print(counts_table(manifest, f"Faces in {out}"))

    def line(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    without = sum(clip["frames_without_face"] for clip in manifest.clips.values())
    total = without + sum(clip["frames_scored"] for clip in manifest.clips.values())
    share = 100 * (1 - without / total)
    line(f"{total - without} of {total} frames have a face ({share:.1f}%); the manifest counts the rest.")
    shortened = Counter(bool(clip["shortened"]) for clip in manifest.clips.values())[True]
    if shortened:
        line(
            f"{shortened} clips are longer or shorter than their twin; the shorter length was used (see the manifest)."
        )
    if manifest.skips:
        line(f"Skipped: {len(manifest.skips)} clips.")
        for skip in manifest.skips[:SKIPS_SHOWN]:
            line(f"  {skip['clip']} (label {skip['label']}): {skip['reason']}")
        if len(manifest.skips) > SKIPS_SHOWN:
            line(f"  and {len(manifest.skips) - SKIPS_SHOWN} more: {out / 'manifest.json'} lists them all.")
    line(f"Content hash: {manifest.content_hash[:16]}")
