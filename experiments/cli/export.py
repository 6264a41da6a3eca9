"""The commands export and verify: a detector in the form that a server or a device runs, and proof that it agrees."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from experiments.config import TrainConfig
from records.errors import DataError

if TYPE_CHECKING:  # both take TensorFlow along, which --help need not wait for
    from savedmodel_export.verify import Faces
    from tfafsr import Detector

RUN = click.Path(path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
QUANTIZE = ("none", "float16", "dynamic", "int8")
REPRESENTATIVE = 100
NAMES = {
    "savedmodel": "SavedModel",
    "none": "LiteRT float32",
    "float16": "LiteRT float16",
    "dynamic": "LiteRT dynamic",
    "int8": "LiteRT int8",
}


@click.command()
@click.option("--run", required=True, type=RUN, help="Run folder of `tfafsr train`, or a model.keras.")
@click.option("--format", "form", required=True, type=click.Choice(["savedmodel", "tflite", "edge"]))
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="savedmodel: folder of numbered versions. tflite: a file. edge: a new folder.",
)
@click.option(
    "--quantize", type=click.Choice(QUANTIZE), help="tflite and edge: weights and activations.  [default: none]"
)
@click.option("--records", type=FOLDER, help="int8: records of `tfafsr build`, whose faces measure the activations.")
@click.option("--compression", help="int8: raw, c23 or c40.  [default: what the run was trained on]")
@click.option("--split", default="train", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option("--faces", default=REPRESENTATIVE, show_default=True, type=click.IntRange(1), help="int8: how many.")
@click.option(
    "--version", type=click.IntRange(1), help="savedmodel: the version's number.  [default: the next free one]"
)
def export(
    run: Path,
    form: str,
    out: Path,
    quantize: str | None,
    records: Path | None,
    compression: str | None,
    split: str,
    faces: int,
    version: int | None,
) -> None:
    """Write a run's detector for TensorFlow Serving, for LiteRT, or as a bundle for a device.

    What is written appears whole or not at all; an interrupted export leaves nothing that could be taken for a model.
    """
    if quantize and form == "savedmodel":
        raise click.UsageError("--quantize is for --format tflite and edge; a SavedModel computes in float32.")
    if version and form != "savedmodel":
        raise click.UsageError("--version is for --format savedmodel.")
    if quantize == "int8" and records is None:
        raise click.UsageError("--quantize int8 needs --records: activations are measured on faces of records.")
    if quantize != "int8" and (records or compression):
        raise click.UsageError("--records and --compression are for --quantize int8.")

    from savedmodel_export.model import load

    detector = load(run)
    if form == "savedmodel":
        from savedmodel_export.saved_model import export_saved_model

        written = export_saved_model(detector, out, version=version)
    else:
        batches = None
        if quantize == "int8":
            batches = representative(records, compression or trained_on(run), split, detector.options["size"], faces)
        if form == "tflite":
            from savedmodel_export.tflite import export_tflite

            written = export_tflite(detector, out, quantize or "none", batches)
        else:
            from records.building import mtcnn_networks
            from savedmodel_export.edge import export_edge

            written = export_edge(detector, out, mtcnn_networks(), quantize or "none", batches)
    click.echo(f"Written: {written}")


@click.command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--run", required=True, type=RUN, help="Run folder that the models were exported from.")
@click.option("--records", required=True, type=FOLDER, help="Records of `tfafsr build`.")
@click.option("--compression", help="Compare on the faces at raw, c23 or c40.  [default: what the run was trained on]")
@click.option("--split", default="test", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_context
def verify(
    context: click.Context,
    models: tuple[Path, ...],
    run: Path,
    records: Path,
    compression: str | None,
    split: str,
    as_json: bool,
) -> None:
    """Compare exported models with the Keras model: answers, AUC, size, speed.

    MODEL is a SavedModel (a version or the folder of all), a .tflite file or an edge bundle; several are compared in
    one table. The exit status is 1 if one departs further than its stated tolerance.
    """
    from savedmodel_export.model import load
    from savedmodel_export.verify import verify as compare_all

    compression = compression or trained_on(run)
    detector = load(run)
    result = compare_all(detector, run, models, faces_of(detector, records, split, compression))
    result = {"run": str(run), "records": str(records), "split": split, "compression": compression, **result}
    if as_json:
        click.echo(json.dumps(result, indent=2, allow_nan=False))
    else:
        console = Console()
        console.print(table(result))
        for model in result["models"]:
            for reason in model["reasons"]:
                console.print(f"{model['path']}: {reason}.", style="bold red", highlight=False, soft_wrap=True)
        if all(model["agrees"] for model in result["models"]):
            console.print("All agree with the Keras model within their tolerances, which --json lists.", soft_wrap=True)
    if not all(model["agrees"] for model in result["models"]):
        context.exit(1)


def trained_on(run: Path) -> str:
    """The compression of the faces that a run was trained on; raises `DataError` where its folder does not say."""
    if run.is_file():
        raise DataError(f"{run} does not say at which compression it was trained; give --compression raw, c23 or c40.")
    return TrainConfig.load(run).compression


def representative(records: Path, compression: str, split: str, size: int, count: int) -> list[dict[str, np.ndarray]]:
    """Faces to measure activations on, as many real as manipulated, always the same ones.

    Returns:
        At most `count` batches of one face: `frame` uint8 (1, S, S, 3), `keypoints` float32 (1, 5, 2).
    """
    from records.shards import reader

    faces = reader.read_training(
        records, split, compression, size=size, fields=("frame", "keypoints"), shuffle_buffer=4 * count
    )
    with reader.naming_the_shard(records):
        return list(faces.take(count).batch(1).as_numpy_iterator())


def faces_of(detector: Detector, records: Path, split: str, compression: str) -> Iterator[Faces]:
    """Every face of a split at a compression, in batches, with labels and target identities."""
    from experiments import data, scoring
    from records.progress import progress
    from records.shards import reader
    from records.shards.manifest import Manifest
    from savedmodel_export.verify import Faces

    clips = Manifest.load(records).clips
    batches = data.scoring_batches(records, split, compression, detector, scoring.BATCH)
    total = -(-reader.count(records, split, compression) // scoring.BATCH)
    for inputs, fields in progress(batches, total, f"comparing on {split} {compression}"):
        identities = np.array([clips[video.decode()].subjects[0] for video in fields["video"]])
        yield Faces(inputs["frame"], inputs["keypoints"], fields["label"], identities)


def table(result: dict) -> Table:
    """A row for the Keras model and one for each exported form.

    Args:
        result: as `verify` prints it with --json.
    """
    threads = list(result["keras"]["latency_ms"])
    title = f"{result['keras']['n']} faces of {result['records']}, {result['split']} split at {result['compression']}"
    drawn = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))  # 80 columns must do
    for name in ("form", "largest\ndiff.", "mean\ndiff."):
        drawn.add_column(name, no_wrap=True)
    drawn.add_column("AUC\n[95% int.]", min_width=12)
    for name in ("points\nlost", "MB", *(f"ms, {count}\nthread{'s' * (count != '1')}" for count in threads)):
        drawn.add_column(name, justify="right", no_wrap=True)
    for name, row in (("Keras", result["keras"]), *((NAMES[model["form"]], model) for model in result["models"])):
        difference = row.get("difference") or {}
        drawn.add_row(
            name,
            *(f"{difference[key]:.1e}" if key in difference else "-" for key in ("largest", "mean")),
            _auc(row),
            "-" if row.get("auc_loss") is None else f"{row['auc_loss']:+.2f}",
            f"{row['bytes'] / 1e6:.2f}",
            *(f"{row['latency_ms'][count]:.1f}" for count in threads),
            style=None if row.get("agrees", True) else "bold red",
        )
    return drawn


def _auc(row: dict) -> str:
    if row["auc"] is None:
        return "-"
    if row["auc_ci95"] is None:
        return f"{row['auc']:.4f}"
    low, high = row["auc_ci95"]
    return f"{row['auc']:.4f} [{low:.2f}, {high:.2f}]"
