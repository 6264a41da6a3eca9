"""The command `table`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow, typed
from experiments.cli.options import FOLDER, options
from experiments.table_config import DECIDED, TableConfig


@command()
@click.argument("number", type=click.Choice(["1", "2", "3", "resolution"]))
@options(TableConfig, "config", DECIDED)
@click.option("--out", required=True, type=FOLDER, help="Folder of the table; it is resumed.")
@click.option("--runs", type=FOLDER, help="Folder of the runs, which tables can share.  [default: OUT/runs]")
def table(number: str, config: TableConfig, out: Path, runs: Path | None) -> None:
    """Make one of the paper's tables: train and test every method in it on these records.

    1: methods by quality, trained and tested at each. 2: methods by manipulation, at c40. 3: compression in training by
    compression of the test. resolution: methods by size of the face and compression.

    Writes table.md, table.csv, table.json, table.png and runs.csv to OUT. The paper's figures, measured on
    FaceForensics++, are printed beside those measured here. Started again after an interruption, it goes on with the
    runs that are missing.
    """
    load_tensorflow()
    from rich.console import Console

    from experiments import comparison

    comparison.make(comparison.table(number, config), out, runs or out / "runs", typed(), Console())
