"""The command `train`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.many_values import several
from experiments.cli.options import FOLDER
from experiments.config import SCHEDULES, TrainConfig


@command()
@several("--records", required=True, metavar="FOLDER ...", help="Records of `tfafsr build`.")
@click.option("--compression", required=True, help="Train and validate on the faces at raw, c23 or c40.")
@click.option("--out", "run", required=True, type=FOLDER, help="Run folder; an interrupted run in it is resumed.")
@click.option("--preset", type=click.Choice(list(SCHEDULES)), default="paper", show_default=True)
@click.option("--size", type=click.IntRange(64, 1024), help="Side of the faces in pixels.  [default: the preset's]")
@click.option(
    "--width", type=click.IntRange(4, 256), help="Filters of ResNet-18's first stage.  [default: the preset's]"
)
@click.option("--output", type=click.Choice(["plain", "residual", "none"]), help="AFSR's output; `none` is TFE alone.")
@click.option("--pooling", type=click.Choice(["fp", "gap", "gmp"]), help="Fusion, average or maximum pooling.")
@click.option("--fusion", type=click.Choice(["early", "late"]), help="Where TFE's two streams meet.")
@click.option(
    "--ela-of", type=click.Choice(["input", "reconstruction"]), help="Which image the error level analysis reads."
)
@click.option("--mining", type=click.Choice(["semi_hard", "hard"]), help="Which triplets count.")
@click.option("--afsr-weight", type=click.FloatRange(0), help="Weight of L_AFSR against L_TFE.")
@click.option("--epochs", type=click.IntRange(1), help="[default: the preset's]")
@click.option("--batch-size", type=click.IntRange(2), help="[default: the preset's]")
@click.option("--learning-rate", type=click.FloatRange(0, min_open=True), help="[default: the preset's]")
@click.option("--drop-every", type=click.IntRange(1), help="Epochs after which the learning rate falls to a tenth.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option("--dtype", type=click.Choice(["float32", "mixed_bfloat16"]), default="float32", show_default=True)
@click.option("--balanced/--unbalanced", default=True, help="As many real as manipulated faces in a batch.")
@click.option("--augment/--no-augment", default=True, help="Random horizontal flips.")
def train(run: Path, records: tuple[str, ...], **options: object) -> None:
    """Train AFSR and TFE together.

    Keeps the model with the best validation AUC in OUT/model.keras. Started again after an interruption, it goes on
    from the last whole epoch and ends with the same model as an undisturbed run.
    """
    names = ("size", "width", "output", "pooling", "fusion", "ela_of", "mining", "afsr_weight")
    chosen = {name: options.pop(name) for name in names}
    detector = {name: value for name, value in chosen.items() if value is not None}
    config = TrainConfig(records=records, detector=detector, **options)

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
