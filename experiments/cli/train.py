"""The commands train, evaluate, report and quickstart."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console

from experiments.config import SCHEDULES, DetectorOptions, TrainConfig

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.option(
    "--records", multiple=True, required=True, type=FOLDER, help="Records of `tfafsr build`; may be repeated."
)
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
def train(run: Path, records: tuple[Path, ...], **options: object) -> None:
    """Train AFSR and TFE together.

    Keeps the model with the best validation AUC in OUT/model.keras. Started again after an interruption, it goes on
    from the last whole epoch and ends with the same model as an undisturbed run.
    """
    names = ("size", "width", "output", "pooling", "fusion", "ela_of", "mining", "afsr_weight")
    chosen = {name: options.pop(name) for name in names}
    config = TrainConfig(
        records=tuple(str(folder) for folder in records), detector=DetectorOptions(**chosen), **options
    )

    from experiments.training import train as run_training

    console = Console()
    result = run_training(config, run, say=lambda line: console.print(line, highlight=False, soft_wrap=True))
    console.print(
        f"Best epoch {result['best_epoch']}: validation AUC {result['val_auc']:.3f}. Model: {run / 'model.keras'}",
        highlight=False,
        soft_wrap=True,
    )


@click.command()
@click.option("--run", required=True, type=FOLDER, help="Run folder of `tfafsr train`.")
@click.option("--records", required=True, type=FOLDER, help="Records of `tfafsr build`.")
@click.option("--compression", required=True, help="Score the faces at raw, c23 or c40.")
@click.option("--split", default="test", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option("--out", required=True, type=FILE, help="metrics.json; score tables are written beside it.")
@click.option("--quiet", is_flag=True, help="Print no table.")
def evaluate(run: Path, records: Path, compression: str, split: str, out: Path, quiet: bool) -> None:
    """Measure frame and video AUC, per method, with 95% intervals."""
    from experiments.evaluation import evaluate as run_evaluation
    from experiments.quickstart import results_table

    result = run_evaluation(run, records, compression, split, out)
    console = Console()
    if not quiet:
        console.print(results_table({compression: result}, f"{split} split of {records}: AUC [95% interval]"))
    coverage = result["coverage"]
    total = coverage["frames_scored"] + coverage["frames_without_face"]
    lines = [
        f"{coverage['frames_scored']} of {total} frames of {coverage['clips']} clips scored; "
        f"{coverage['frames_without_face']} without a face."
    ]
    if "decoys" in result:
        with_decoy, without = result["decoys"]["with_decoy"], result["decoys"]["without_decoy"]
        lines.append(
            f"False alarms at {result['decoys']['threshold']}: {with_decoy['false_alarms']} of {with_decoy['videos']} "
            f"real videos with a decoy, {without['false_alarms']} of {without['videos']} without."
        )
    if "calibration" in result:
        before, after = (result["calibration"][name]["ece"] for name in ("before", "after"))
        lines.append(
            f"Expected calibration error {before:.3f} before and {after:.3f} after temperature "
            f"{result['calibration']['temperature']:.2f}."
        )
    for line in (*lines, f"Written: {out} and its score tables."):
        console.print(line, highlight=False, soft_wrap=True)


@click.command()
@click.option("--run", required=True, type=FOLDER, help="Run folder of `tfafsr train`.")
@click.option("--records", required=True, type=FOLDER, help="Records of `tfafsr build`.")
@click.option(
    "--metrics", required=True, type=FILE, help="metrics.json of `tfafsr evaluate`, its score tables beside it."
)
@click.option("--out", required=True, type=FOLDER, help="Folder for the pictures.")
def report(run: Path, records: Path, metrics: Path, out: Path) -> None:
    """Draw ROC curves, losses, calibration and a contact sheet of scored faces."""
    from experiments.report import write_report

    for path in write_report(run, records, metrics, out):
        click.echo(f"Written: {path}")


@click.command()
@click.option("--out", required=True, type=FOLDER, help="Folder for data, records, run, metrics and report.")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
@click.option(
    "--identities", type=click.IntRange(12), default=None, help="People drawn.  [default: as many as take 8 minutes]"
)
@click.pass_context
def quickstart(context: click.Context, out: Path, seed: int, identities: int | None) -> None:
    """Forge, build, train, evaluate and report on rendered faces: the whole job in a few minutes on two cores."""
    from experiments.quickstart import IDENTITIES
    from experiments.quickstart import quickstart as run_quickstart

    group = context.find_root().command
    run_quickstart(out, seed, lambda arguments: group.main(arguments, standalone_mode=False), identities or IDENTITIES)
