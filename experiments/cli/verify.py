"""The command `verify`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import ANY_PATH, FOLDER


@command()
@click.argument("models", metavar="MODEL...", nargs=-1, required=True, type=ANY_PATH)
@click.option("--run", required=True, type=ANY_PATH, help="Run folder that the models were exported from.")
@click.option("--records", required=True, type=FOLDER, help="Records of `tfafsr build`.")
@click.option("--compression", help="raw, c23 or c40.  [default: the first that the run was trained on]")
@click.option("--split", default="test", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option(
    "--latency/--no-latency", default=True, show_default=True, help="Measure the time a face, with 1 and 2 threads."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
@click.pass_context
def verify(
    context: click.Context,
    models: tuple[Path, ...],
    run: Path,
    records: Path,
    compression: str | None,
    split: str,
    latency: bool,
    as_json: bool,
) -> None:
    """Compare exported models with the Keras model: probabilities, AUC, size, speed.

    MODEL is a SavedModel (a version or the folder of all), a .tflite file or an edge bundle; several are compared in
    one table. The exit status is 1 if a model differs by more than its tolerance.
    """
    load_tensorflow()
    from experiments.exported_faces import faces_of_split
    from experiments.runs import load_detector, model_file, trained_on
    from experiments.tables import print_comparison
    from savedmodel_export import verify_exported

    compression = compression or trained_on(run)
    detector = load_detector(run)
    faces = faces_of_split(detector, records, split, compression)
    result = verify_exported(detector, model_file(run), models, faces, **({} if latency else {"threads": ()}))
    result = {"run": str(run), "records": str(records), "split": split, "compression": compression, **result}
    if as_json:
        click.echo(json.dumps(result, indent=2, allow_nan=False))
    else:
        print_comparison(result)
    if not all(model["agrees"] for model in result["models"]):
        context.exit(1)
