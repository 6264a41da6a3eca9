"""The command `evaluate`."""

from __future__ import annotations

from pathlib import Path

import click

from experiments.cli.command import command, load_tensorflow
from experiments.cli.many_values import several
from experiments.cli.options import ANY_PATH, FILE, FOLDER_OR_URL
from records.places import Place


@command()
@click.option(
    "--run", required=True, type=ANY_PATH, help="Run folder of `tfafsr train`, or weights: a file, or photos-1-tiny."
)
@click.option("--records", required=True, type=FOLDER_OR_URL, help="Records of `tfafsr build`.")
@click.option("--compression", required=True, help="Score the faces at raw, c23 or c40.")
@click.option("--split", default="test", show_default=True, type=click.Choice(["train", "val", "test"]))
@click.option("--out", required=True, type=FILE, help="metrics.json; score tables are written beside it.")
@several(
    "--sizes",
    each=click.IntRange(4, 1024),
    metavar="PIXELS ...",
    default=None,
    help="Score the faces also when they are shrunk to these sides and enlarged again.",
)
@click.option(
    "--workers",
    default=1,
    show_default=True,
    type=click.IntRange(1, 256),
    help="Processes that score a part of the faces each, on a GPU of their own where there are several.",
)
@click.option("--quiet", is_flag=True, help="Print no table.")
def evaluate(
    run: Path,
    records: Place,
    compression: str,
    split: str,
    out: Path,
    sizes: tuple[int, ...] | None,
    workers: int,
    quiet: bool,
) -> None:
    """Measure frame and video AUC, per method, with 95% intervals."""
    load_tensorflow()
    from rich.console import Console

    from experiments.evaluation import evaluate as run_evaluation
    from experiments.tables import quality_table, results_lines, results_table, strength_table

    result = run_evaluation(run, records, compression, split, out, sizes or (), workers)
    console = Console()
    if not quiet:
        console.print(results_table({compression: result}, f"{split} split of {records}: AUC [95% interval]"))
        if "strength" in result:
            console.print(strength_table(result["strength"]))
        if "sizes" in result:
            console.print(quality_table({compression: result}))
    for line in (*results_lines(result), f"Written: {out} and its score tables."):
        console.print(line, highlight=False, soft_wrap=True)
