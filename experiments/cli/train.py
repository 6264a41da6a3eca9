"""The command `train`."""

from __future__ import annotations

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FOLDER_OR_URL, options
from experiments.config import TrainConfig
from experiments.machines_config import MachinesConfig
from records.places import Place


@command()
@options(TrainConfig, "config")
@options(MachinesConfig, "machines")
@click.option(
    "--out", "run", required=True, type=FOLDER_OR_URL, help="Run folder; an interrupted run in it is resumed."
)
def train(config: TrainConfig, machines: MachinesConfig, run: Place) -> None:
    """Train AFSR and TFE together.

    Writes the model with the best validation AUC to OUT/model.keras. Started again after an interruption, it resumes
    after the last complete epoch and gives the same model as a run without interruption.
    """
    load_tensorflow()
    from rich.console import Console

    from experiments.training import train as run_training

    console = Console()
    result = run_training(
        config, run, say=lambda line: console.print(line, highlight=False, soft_wrap=True), machines=machines
    )
    if result is None:  # of a worker that is not the chief
        return
    console.print(
        f"Best epoch {result['best_epoch']}: validation AUC {result['val_auc']:.3f}. Model: {run / 'model.keras'}",
        highlight=False,
        soft_wrap=True,
    )
