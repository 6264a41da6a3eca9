"""The command build."""

from __future__ import annotations

import dataclasses
import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console

from experiments.audit.inspection import counts_table
from experiments.cli.many_values import ManyValues
from records.shards.manifest import Manifest
from records.sources import SourceOptions
from records.sources.registry import FOLDER, find, source_options

if TYPE_CHECKING:  # importing it loads MTCNN's packages, which help does not need
    from records.building.options import BuildOptions

OPTION_NAMES = ("size", "frames_train", "frames_eval", "burst", "keypoints_from", "no_ela", "target_once")


def building_options(command: Callable) -> Callable:
    """Decorates a command with the options that decide the content of the records."""
    options = (
        click.option(
            "--size", type=click.IntRange(64, 1024), default=225, show_default=True, help="Side of the faces in pixels."
        ),
        click.option(
            "--frames-train", type=click.IntRange(1), default=200, show_default=True, help="Frames a training video."
        ),
        click.option(
            "--frames-eval", type=click.IntRange(1), default=10, show_default=True, help="Frames a val or test video."
        ),
        click.option(
            "--burst", type=click.IntRange(1), default=1, show_default=True, help="Neighbouring frames at each place."
        ),
        click.option(
            "--keypoints-from",
            type=click.Choice(["twin", "self"]),
            default="twin",
            show_default=True,
            help="Find faces on the pristine twin, or on each frame itself.",
        ),
        click.option("--no-ela", is_flag=True, help="Do not store ELA; the reader computes it, to the same bytes."),
        click.option("--target-once", is_flag=True, help="Do not store the target where it is the frame itself."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def building(options: dict[str, object]) -> BuildOptions:
    """Takes those options out of a command's."""
    from records.building.options import BuildOptions

    return BuildOptions(**{name: options.pop(name) for name in OPTION_NAMES})


@click.command(cls=ManyValues, context_settings={"ignore_unknown_options": True})
@source_options
@click.option("--out", required=True, type=FOLDER, help="Folder of the records; an interrupted build in it is resumed.")
@building_options
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes.  [default: one a core]")
@click.option(
    "--runner",
    type=click.Choice(["local", "direct", "flink", "spark", "portable", "dataflow"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or Apache Beam, which takes its own options after these.",
)
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)
def build(
    source: str,
    root: Path,
    out: Path,
    workers: int,
    runner: str,
    beam_options: tuple[str, ...],
    **options: object,
) -> None:
    """Turn a data set's videos into TFRecords of faces.

    Killed at any moment and started again, it goes on from where it was, to the same records, byte for byte. Started
    again when videos were added or replaced, it builds what is made from those and keeps the rest.
    """
    from records.building import build_records

    content, run = building(options), None
    if runner != "local":
        from records.building import on_beam

        root, out, run = root.absolute(), out.absolute(), on_beam(runner, beam_options)
    elif beam_options:
        raise click.UsageError(f"No such option: {beam_options[0]}")
    found = find(root, SourceOptions(source=source, **options))
    report(build_records(found, out, content, workers, source, run=run), out)
    for remark in found.remarks:
        click.echo(remark)


@click.command(cls=ManyValues)
@source_options
@building_options
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Of the build.  [default: one a core]")
@click.option(
    "--sample", type=click.IntRange(0), default=2, show_default=True, help="Originals built for the estimate."
)
@click.option(
    "--faces", type=click.IntRange(0), default=48, show_default=True, help="Clips a class whose face is sought."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON in the place of tables.")
@click.pass_context
def check(
    ctx: click.Context,
    source: str,
    root: Path,
    workers: int,
    sample: int,
    faces: int,
    as_json: bool,
    **options: object,
) -> None:
    """Say what a build would find, miss and cost, and what tells the label that should not.

    Reads headers alone, but for the faces and the timed sample. Ends with status 1 if a build would be incomplete.
    """
    from experiments.audit.survey import survey
    from experiments.audit.survey_tables import show

    content = building(options)
    found = survey(find(root, SourceOptions(source=source, **options)), content, workers, sample, faces)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), indent=2, ensure_ascii=False))
    else:
        show(found)
    if not found.complete:
        ctx.exit(1)


def report(manifest: Manifest, out: Path) -> None:
    """Prints every skip with its reason, what was built, and what has no face."""
    console = Console()

    def line(text: str) -> None:
        console.print(text, highlight=False, soft_wrap=True, markup=False)

    if manifest.skips:  # first, for they may be thousands, and the table is to be seen
        line("Skipped:")
    for skip in manifest.skips:
        line(f"  {skip.clip} (label {skip.label}): {skip.reason}")
    console.print(counts_table(manifest, f"Faces in {out}"))
    without = sum(clip.frames_without_face for clip in manifest.clips.values())
    total = without + sum(clip.frames_scored for clip in manifest.clips.values())
    share = 100 * (1 - without / total)
    line(f"{total - without} of {total} frames have a face ({share:.1f}%); the manifest counts the rest.")
    shortened = Counter(bool(clip.shortened) for clip in manifest.clips.values())[True]
    if shortened:
        line(
            f"{shortened} clips are longer or shorter than their twin; the shorter length was used (see the manifest)."
        )
    if manifest.skips:
        line(f"{len(manifest.skips)} clips were skipped; their reasons stand above and in {out / 'manifest.json'}.")
    line(f"Content hash: {manifest.content_hash[:16]}")
