"""The command `export`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import ANY_PATH, FOLDER
from savedmodel_export import QUANTIZE

REPRESENTATIVE = 100


@command()
@click.option("--run", required=True, type=ANY_PATH, help="Run folder of `tfafsr train`, or a model.keras.")
@click.option("--format", "form", required=True, type=click.Choice(["savedmodel", "tflite", "edge"]))
@click.option(
    "--out",
    required=True,
    type=ANY_PATH,
    help="savedmodel: folder of numbered versions. tflite: a file. edge: a new folder.",
)
@click.option(
    "--quantize", type=click.Choice(QUANTIZE), help="tflite and edge: weights and activations.  [default: none]"
)
@click.option(
    "--records", type=FOLDER, help="int8: records of `tfafsr build`, on whose faces activations are measured."
)
@click.option("--compression", help="int8: raw, c23 or c40.  [default: the first that the run was trained on]")
@click.option("--split", default="train", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option(
    "--faces", default=REPRESENTATIVE, show_default=True, type=click.IntRange(1), help="int8: number of faces."
)
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

    The export is written completely or not at all: an interrupted one leaves no half-written model.
    """
    if quantize and form == "savedmodel":
        raise click.UsageError("--quantize is for --format tflite and edge; a SavedModel computes in float32.")
    if version and form != "savedmodel":
        raise click.UsageError("--version is for --format savedmodel.")
    if quantize == "int8" and records is None:
        raise click.UsageError("--quantize int8 needs --records: activations are measured on faces of records.")
    if quantize != "int8" and (records or compression):
        raise click.UsageError("--records and --compression are for --quantize int8.")

    load_tensorflow()
    from experiments.exported_faces import representative_faces
    from experiments.runs import load_detector, trained_on
    from savedmodel_export import export_edge, export_saved_model, export_tflite

    detector = load_detector(run)
    batches = None
    if quantize == "int8":
        size = detector.options["size"]
        batches = representative_faces(records, compression or trained_on(run), split, size, faces)
    if form == "savedmodel":
        written = export_saved_model(detector, out, version=version)
    elif form == "tflite":
        written = export_tflite(detector, out, quantize or "none", batches)
    else:
        from records.building import mtcnn_networks

        written = export_edge(detector, out, mtcnn_networks(), quantize or "none", batches)
    click.echo(f"Written: {written}")
