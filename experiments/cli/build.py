"""The command `build`."""

from __future__ import annotations

import os
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER, options
from records.building.options import BuildOptions
from records.sources import SourceOptions


@command(context_settings={"ignore_unknown_options": True})
@options(SourceOptions, "data_set")
@click.option("--root", required=True, type=FOLDER, help="Folder of the data set.")
@click.option("--out", required=True, type=FOLDER, help="Folder of the records; an interrupted build in it is resumed.")
@options(BuildOptions, "content")
@click.option("--workers", type=click.IntRange(1), default=os.cpu_count(), help="Processes.  [default: one a core]")
@click.option(
    "--runner",
    type=click.Choice(["local", "direct", "flink", "spark", "portable", "dataflow"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or Apache Beam, which takes its own options after these.",
)
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def build(
    context: click.Context,
    data_set: SourceOptions,
    root: Path,
    out: Path,
    content: BuildOptions,
    workers: int,
    runner: str,
    beam_options: tuple[str, ...],
) -> None:
    """Turn a data set's videos into TFRecords of faces.

    Killed at any moment and started again, it goes on from where it was, to the same records, byte for byte. Started
    again when videos were added or replaced, it builds what is made from those and keeps the rest.
    """
    if runner == "local" and beam_options:
        _refuse(beam_options[0], context)

    load_tensorflow()
    from experiments.tables import print_built
    from records.building.build import build as run_build
    from records.sources import find

    run = None
    if runner != "local":
        from records.building.beam import on_beam

        root, out, run = root.absolute(), out.absolute(), on_beam(runner, beam_options)
    found = find(root, data_set)
    print_built(run_build(found, out, content, workers, data_set.source, run=run), out)
    for remark in found.remarks:
        click.echo(remark)


def _refuse(argument: str, context: click.Context) -> None:
    """What click says of an argument that it does not know; here it would be left to Beam."""
    if argument.startswith("-"):
        known = [flag for parameter in context.command.params for flag in (*parameter.opts, *parameter.secondary_opts)]
        raise click.NoSuchOption(argument.partition("=")[0], possibilities=known, ctx=context)
    raise click.UsageError(f"Got unexpected extra argument ({argument})", context)
