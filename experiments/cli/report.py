"""The command `report`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FILE, FOLDER


@command()
@click.option("--run", required=True, type=FOLDER, help="Run folder of `tfafsr train`.")
@click.option("--records", required=True, type=FOLDER, help="Records of `tfafsr build`.")
@click.option(
    "--metrics", required=True, type=FILE, help="metrics.json of `tfafsr evaluate`, with the score tables beside it."
)
@click.option("--out", required=True, type=FOLDER, help="Folder for the pictures.")
def report(run: Path, records: Path, metrics: Path, out: Path) -> None:
    """Draw ROC curves, losses, calibration and a contact sheet of scored faces."""
    load_tensorflow()
    from experiments.report import write_report

    for path in write_report(run, records, metrics, out):
        click.echo(f"Written: {path}")
