"""The command `check`."""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER, options
from records.building import BuildOptions
from records.sources import SourceOptions


@command()
@click.option("--root", required=True, type=FOLDER, help="Folder of the data set.")
@options(SourceOptions, "data_set")
@options(BuildOptions, "content")
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes of the build.  [default: one a core]"
)
@click.option(
    "--sample", type=click.IntRange(0), default=2, show_default=True, help="Originals built for the estimate."
)
@click.option(
    "--faces", type=click.IntRange(0), default=48, show_default=True, help="Clips of each class whose face is measured."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")
@click.pass_context
def check(
    context: click.Context,
    data_set: SourceOptions,
    root: Path,
    content: BuildOptions,
    workers: int,
    sample: int,
    faces: int,
    as_json: bool,
) -> None:
    """Report what a build would find, miss and cost, and what reveals the label.

    Reads only the headers of the videos, except for the faces and the timed sample. The exit status is 1 if a build
    would leave clips out.
    """
    load_tensorflow()
    from experiments.audit import survey, survey_tables
    from records.sources import find

    found = survey.survey(find(root, data_set), content, workers, sample, faces)
    if as_json:
        click.echo(json.dumps(dataclasses.asdict(found), indent=2, ensure_ascii=False))
    else:
        survey_tables.show(found)
    if not found.complete:
        context.exit(1)
