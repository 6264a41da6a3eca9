"""The command `build`."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import click

from experiments.cli.command import load_tensorflow
from experiments.cli.many_values import ManyValues
from experiments.cli.options import FOLDER, options
from records.building import BuildOptions
from records.sources import SourceOptions

LOCAL = "local"


class BeamCommand(ManyValues):
    """A command that passes unknown options on to Apache Beam, if its `--runner` is one of Beam's."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parses the arguments; an unknown option is an error only with the local runner."""
        runners = [value for flag, value in itertools.pairwise(args) if flag == "--runner"]
        runners += [value.removeprefix("--runner=") for value in args if value.startswith("--runner=")]
        ctx.ignore_unknown_options = bool(runners) and runners != [LOCAL]
        return super().parse_args(ctx, args)


@click.command(cls=BeamCommand)
@click.option("--root", required=True, type=FOLDER, help="Folder of the data set.")
@options(SourceOptions, "data_set")
@click.option("--out", required=True, type=FOLDER, help="Folder of the records; an interrupted build in it is resumed.")
@options(BuildOptions, "content")
@click.option(
    "--workers", type=click.IntRange(1), default=os.cpu_count(), help="Number of processes.  [default: one a core]"
)
@click.option(
    "--runner",
    type=click.Choice([LOCAL, "direct", "flink", "spark", "portable", "dataflow"]),
    default=LOCAL,
    show_default=True,
    help="local: processes of this machine. Others: Apache Beam, whose own options are given, too.",
)
@click.argument("beam_options", nargs=-1, type=click.UNPROCESSED)
def build(
    data_set: SourceOptions,
    root: Path,
    out: Path,
    content: BuildOptions,
    workers: int,
    runner: str,
    beam_options: tuple[str, ...],
) -> None:
    """Turn a data set's videos into TFRecords of faces.

    Killed and started again, it resumes and writes the same records, byte for byte. Started again after videos were
    added or replaced, it builds only what is made from those.
    """
    if runner == LOCAL and beam_options:
        raise click.UsageError(f"Got unexpected extra argument ({beam_options[0]})")

    load_tensorflow()
    from experiments.tables import print_built
    from records.building import build_records
    from records.progress import escaped
    from records.sources import find

    run = None
    if runner != LOCAL:
        from records.building import on_beam

        root, out, run = root.absolute(), out.absolute(), on_beam(runner, beam_options)
    found = find(root, data_set)
    print_built(build_records(found, out, content, workers, data_set.source, run=run), out)
    for remark in found.remarks:
        click.echo(escaped(remark))
