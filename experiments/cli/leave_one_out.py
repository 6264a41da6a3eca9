"""The command `leave-one-out`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER, options
from experiments.config import LeaveOneOutConfig


@command()
@options(LeaveOneOutConfig, "config")
@click.option("--out", required=True, type=FOLDER, help="Folder of the runs and results; it is resumed.")
def leave_one_out(config: LeaveOneOutConfig, out: Path) -> None:
    """Train without each method in turn, and test on that method.

    Trains one run with all methods and one without each, tests them on people never seen, and prints AUC by method.
    Writes OUT/leave-one-out.json and OUT/leave-one-out.csv. Started again after an interruption, it goes on with the
    runs that are missing.
    """
    load_tensorflow()
    from rich.console import Console

    from experiments.leave_one_out import leave_one_out as run_all
    from experiments.tables import leave_one_out_table

    console = Console()
    result = run_all(config, out, say=lambda line: console.print(line, highlight=False, soft_wrap=True, markup=False))
    console.print(leave_one_out_table(result))
    console.print(f"Written: {out / 'leave-one-out.json'} and .csv.", highlight=False, soft_wrap=True)
