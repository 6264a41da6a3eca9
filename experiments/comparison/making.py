"""Makes a table: trains and tests its runs, measures its cells, writes its files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from experiments import grid
from experiments.comparison.plans import Plan
from experiments.comparison.statistics import Figures, Pair, measure
from experiments.comparison.writing import cell_text, comparison_line, write_table
from records.atomic import locked


def make(plan: Plan, out: Path, runs: Path, command: str, console: Console) -> None:
    """Trains and tests what is missing, writes the table's files, and prints the table.

    Args:
        plan: the table.
        out: folder of its files.
        runs: folder of the trained runs; several tables can share it, and a run that two of them need is trained once.
        command: the command line that is written below the table.
        console: where progress and the table are printed.

    Raises:
        DataError: a run cannot be trained or tested; see `experiments.grid.train_and_test`. The table is written
            without the cells that need such a run.
    """

    def say(line: str) -> None:
        console.print(line, highlight=False, soft_wrap=True, markup=False)

    for note in plan.notes:
        say(note)
    with locked(runs, "training in"):
        failure = None
        try:
            measured = grid.train_and_test(plan.jobs, runs, say)
        except grid.RunsFailed as error:
            measured, failure = error.measured, error
            plan = plan.without_missing(measured)
            if not plan.cells:
                raise
        figures, comparisons = measure(plan, measured, runs)
        write_table(plan, figures, comparisons, measured, out, command)
    console.print(_shown(plan, figures))
    for one in comparisons:
        say(comparison_line(one))
    say(f"Written: {out / 'table.md'}, .csv, .json, .png and {out / 'runs.csv'}.")
    if failure:
        raise failure


def _shown(plan: Plan, figures: Mapping[Pair, Figures]) -> Table:
    shown = Table(title=f"{plan.name}: {plan.title}", title_justify="left", show_lines=True)
    for column in ("", *plan.columns):
        shown.add_column(column)
    for row in plan.rows:
        cells = [figures.get((row, column)) for column in plan.columns]
        texts = [Text(cell_text(one, "\n"), style="bold" if one and one.leads else "") for one in cells]
        shown.add_row(Text(row), *texts)
    return shown
