"""The command `train`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER, options
from experiments.config import TrainConfig


@command()
@options(TrainConfig, "config")
@click.option("--out", "run", required=True, type=FOLDER, help="Run folder; an interrupted run in it is resumed.")
def train(config: TrainConfig, run: Path) -> None:
    """Train AFSR and TFE together.

    Keeps the model with the best validation AUC in OUT/model.keras. Started again after an interruption, it goes on
    from the last whole epoch and ends with the same model as an undisturbed run.
    """
    load_tensorflow()
    from rich.console import Console

    from experiments.training import train as run_training

    console = Console()
    result = run_training(config, run, say=lambda line: console.print(line, highlight=False, soft_wrap=True))
    console.print(
        f"Best epoch {result['best_epoch']}: validation AUC {result['val_auc']:.3f}. Model: {run / 'model.keras'}",
        highlight=False,
        soft_wrap=True,
    )
