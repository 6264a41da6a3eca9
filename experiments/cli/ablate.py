"""The command `ablate`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow, typed
from experiments.cli.options import FOLDER, options
from experiments.table_config import DECIDED, AblationConfig


@command()
@options(AblationConfig, "config", DECIDED)
@click.option("--out", required=True, type=FOLDER, help="Folder of the table; it is resumed.")
@click.option("--runs", type=FOLDER, help="Folder of the runs, which tables can share.  [default: OUT/runs]")
def ablate(config: AblationConfig, out: Path, runs: Path | None) -> None:
    """Measure what each part of the method is worth.

    Trains and tests the full model, and the model without each of its parts in turn: pooling, AFSR, the loss on the
    manipulated part, the error image, the triplet loss and others. Each is compared with the full model, with an
    interval over seeds and people.

    Writes table.md, table.csv, table.json, table.png and runs.csv to OUT. Started again after an interruption, it goes
    on with the runs that are missing.
    """
    load_tensorflow()
    from rich.console import Console

    from experiments import comparison

    comparison.make(comparison.ablation(config), out, runs or out / "runs", typed(), Console())
