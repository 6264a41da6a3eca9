"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.options import FILE, FOLDER


@command()
@click.option("--run", required=True, type=FOLDER, help="Run folder of `tfafsr train`.")
@click.option("--records", required=True, type=FOLDER, help="Records of `tfafsr build`.")
@click.option("--compression", required=True, help="Score the faces at raw, c23 or c40.")
@click.option("--split", default="test", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option("--out", required=True, type=FILE, help="metrics.json; score tables are written beside it.")
@click.option("--quiet", is_flag=True, help="Print no table.")
def evaluate(run: Path, records: Path, compression: str, split: str, out: Path, quiet: bool) -> None:
    """Measure frame and video AUC, per method, with 95% intervals."""
    load_tensorflow()
    from rich.console import Console

    from experiments.evaluation import evaluate as run_evaluation
    from experiments.tables import results_lines, results_table

    result = run_evaluation(run, records, compression, split, out)
    console = Console()
    if not quiet:
        console.print(results_table({compression: result}, f"{split} split of {records}: AUC [95% interval]"))
    for line in (*results_lines(result), f"Written: {out} and its score tables."):
        console.print(line, highlight=False, soft_wrap=True)
