"""The command `quickstart`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER


@command()
@click.option("--out", required=True, type=FOLDER, help="Folder for data, records, run, metrics and report.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--identities",
    type=click.IntRange(12),
    default=None,
    help="Number of rendered people.  [default: 320]",
)
@click.pass_context
def quickstart(context: click.Context, out: Path, seed: int, identities: int | None) -> None:
    """Run all steps on rendered faces: forge, build, train, evaluate, report, export.

    Takes 10 to 30 minutes on two cores, by the processor.
    """
    load_tensorflow()
    from experiments.quickstart import IDENTITIES
    from experiments.quickstart import quickstart as run_quickstart

    group = context.find_root().command
    run_quickstart(out, seed, lambda arguments: group.main(arguments, standalone_mode=False), identities or IDENTITIES)
