"""Writes a table: table.md, table.csv, table.json, table.png, and a row for each trained model in runs.csv."""

from __future__ import annotations

import csv
import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from experiments import grid
from experiments.comparison.plans import Plan
from experiments.comparison.plot import draw
from experiments.comparison.statistics import FALSE_ALARMS, Comparison, Figures, Pair
from records.atomic import atomic_file, write_json

CELLS = ("row", "column", "auc", "auc_sd", "low", "high", "video_auc", "balanced_accuracy")
CELLS += (*(f"tpr_at_{share:g}" for share in FALSE_ALARMS), "gain_db", "seeds", "frames", "components", "leads")
CELLS += ("published_percent",)
RUNS = ("run", "method", "initialisation", "seed", "epochs", "faces", "batch_size", "learning_rate", "compressions")
RUNS += ("parameters", "seconds", "records_content", "versions", "options")
HEADER = "| {} |"


def write_table(
    plan: Plan,
    figures: Mapping[Pair, Figures],
    comparisons: Sequence[Comparison],
    measured: Mapping[str, grid.Measured],
    out: Path,
    command: str,
) -> None:
    """Writes the files of a table into `out`, each completely or not at all; table.json comes last.

    Args:
        plan: the table.
        figures: what was measured in each cell.
        comparisons: who is ahead of whom.
        measured: the name of each run -> what was measured.
        out: a folder.
        command: the command line that made it.
    """
    text = markdown(plan, figures, comparisons, measured, command)
    cells = [_cell_row(one) for one in figures.values()]
    with (
        atomic_file(out / "table.md") as md,
        atomic_file(out / "table.csv") as table_csv,
        atomic_file(out / "runs.csv") as runs_csv,
        atomic_file(out / "table.png") as png,
    ):
        md.write_text(text, encoding="utf-8")
        _write_csv(table_csv, CELLS, cells)
        _write_csv(runs_csv, RUNS, [_run_row(name, one) for name, one in measured.items()])
        draw(plan, figures, png)
    write_json(
        out / "table.json",
        {
            "table": plan.name,
            "title": plan.title,
            "command": command,
            "cells": [dataclasses.asdict(one) for one in figures.values()],
            "comparisons": [{**dataclasses.asdict(one), "ahead": one.ahead} for one in comparisons],
            "runs": {name: dataclasses.asdict(one.trained) for name, one in measured.items()},
        },
    )


def markdown(
    plan: Plan,
    figures: Mapping[Pair, Figures],
    comparisons: Sequence[Comparison],
    measured: Mapping[str, grid.Measured],
    command: str,
) -> str:
    """The table as a Markdown document, with the comparisons and all that a reader must know of it."""
    some = next(iter(figures.values()))
    paper = any(one.published is not None for one in figures.values())
    trained = [one.trained for one in measured.values()]
    config = trained[0].config
    budget = f"{config.schedule.epochs} epochs"
    if faces := {one.faces for one in trained if one.faces}:
        budget += f", {' to '.join(f'{number:,}' for number in sorted({min(faces), max(faces)}))} faces seen"
    known = [one.seconds for one in trained if one.seconds is not None]
    lines = [
        f"# {plan.name}: {plan.title}",
        "",
        *_grid(plan, lambda row, column: cell_text(figures.get((row, column)), " <br> ", bold="**")),
        "",
        "- Measured on these records: frame AUC in percent, its mean and standard deviation over "
        f"{some.seeds} seed{'s' * (some.seeds != 1)}, and [the 95% interval over seeds and connected people]; "
        "`acc` is the balanced accuracy of frames at a probability of 0.5, in percent.",
    ]
    if paper:
        lines.append(
            "- `paper`: published on FaceForensics++ and DeepfakeTIMIT, other data than these. The paper calls its "
            "figures AUC; those of Xception, MesoNet and Bayar-Stamm in Table I equal accuracies published elsewhere."
        )
    if comparisons:
        lines.append(
            "- Bold: ahead of every other row on the same faces by more than the noise (the largest of the p values, "
            "times the number of such best rows, is below 0.05)."
        )
    lines += [
        *(f"- {note}" for note in plan.notes),
        f"- {some.components} components of connected people, none of them seen in training.",
        f"- Each run: {budget}. {_beginnings(trained).capitalize()} at the beginning.",
        f"- {len(trained)} runs, {sum(known) / 3600:.1f} hours of training"
        + (f" without {len(trained) - len(known)} that were interrupted" if len(known) < len(trained) else "")
        + "; runs.csv has a row for each.",
        f"- Records: {', '.join(digest[:16] for digest in dict.fromkeys(c for one in trained for c in one.content))}. "
        f"Versions: {_versions(trained[0].versions)}.",
        "",
        "```",
        command,
        "```",
        "",
        f"## Fakes found at {' / '.join(f'{share:.0%}' for share in FALSE_ALARMS)} false alarms, in percent of frames",
        "",
        *_grid(plan, lambda row, column: _found(figures.get((row, column)))),
    ]
    if any(one.gain is not None for one in figures.values()):
        lines += [
            "",
            "## Restoration gain over the untouched input, in dB",
            "",
            *_grid(plan, lambda row, column: _gain(figures.get((row, column)))),
        ]
    if comparisons:
        lines += [
            "",
            "## Who is ahead of whom",
            "",
            HEADER.format(" | ".join(("on", "first", "second", "difference in points [95%]", "p", "corrected p", ""))),
            HEADER.format(" | ".join(["---"] * 7)),
            *(HEADER.format(" | ".join(_comparison(one))) for one in comparisons),
            "",
            "p is of Welch's t test; its variance is that of people (bootstrap, the same draws for both cells) and of "
            f"seeds. Holm's method corrects for the {len(comparisons)} comparisons.",
        ]
    return "\n".join(lines) + "\n"


def cell_text(one: Figures | None, between: str, bold: str = "") -> str:
    """A cell: AUC with its spread and interval, balanced accuracy, the paper's figure; in percent.

    Args:
        one: what was measured; None for a cell that the table does not have.
        between: what separates the lines.
        bold: put around the AUC of a cell that leads.
    """
    if one is None:
        return ""
    area = f"{100 * one.auc:.1f}" + ("" if one.auc_sd is None else f" ± {100 * one.auc_sd:.1f}")
    mark = bold if one.leads else ""
    lines = [f"{mark}{area}{mark}" + ("" if one.auc_ci95 is None else f" {_ends(one.auc_ci95)}")]
    lines.append(f"acc {100 * one.balanced_accuracy:.1f}")
    if one.published is not None:
        lines.append(f"paper {one.published:.1f}")
    return between.join(lines)


def comparison_line(one: Comparison) -> str:
    """A comparison in words."""
    column, first, second, difference, p, corrected, verdict = _comparison(one)
    return f"{column}: {first} - {second} = {difference}, p {p}, corrected {corrected}: {verdict}"


def _comparison(one: Comparison) -> tuple[str, ...]:
    verdict = "ahead" if one.ahead else "within the noise" if one.p_corrected >= 0.05 else "behind"
    difference = f"{100 * one.difference:+.1f} {_ends(one.ci95)}"
    return one.column, one.first, one.second, difference, f"{one.p:.3f}", f"{one.p_corrected:.3f}", verdict


def _found(one: Figures | None) -> str:
    return "" if one is None else " / ".join(f"{100 * share:.1f}" for share in one.tpr)


def _gain(one: Figures | None) -> str:
    return "" if one is None or one.gain is None else f"{one.gain:+.3f}"


def _ends(ends: tuple[float, float]) -> str:
    return f"[{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]"


def _grid(plan: Plan, text: Callable[[str, str], str]) -> list[str]:
    """The lines of a Markdown table whose cells are text(row, column)."""
    lines = [("", *plan.columns), ["---"] * (1 + len(plan.columns))]
    lines += [(row, *(text(row, column) for column in plan.columns)) for row in plan.rows]
    return [HEADER.format(" | ".join(cells)) for cells in lines]


def _beginnings(trained: Iterable[grid.Trained]) -> str:
    return " or ".join(dict.fromkeys(_beginning(one) for one in trained))


def _beginning(trained: grid.Trained) -> str:
    config = trained.config
    return config.weights or (f"--init {config.init}" if config.init else "random weights")


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in versions.items())


def _cell_row(one: Figures) -> list[object]:
    return [
        *(one.row, one.column, one.auc, one.auc_sd, *(one.auc_ci95 or (None, None)), one.video_auc),
        *(one.balanced_accuracy, *one.tpr, one.gain, one.seeds, one.frames, one.components, one.leads, one.published),
    ]


def _run_row(name: str, measured: grid.Measured) -> list[object]:
    trained = measured.trained
    config, schedule = trained.config, trained.config.schedule
    return [
        *(name, config.method, _beginning(trained), config.seed, schedule.epochs, trained.faces, schedule.batch_size),
        *(trained.learning_rate, " ".join(config.compressions), trained.parameters, trained.seconds),
        *(" ".join(digest[:16] for digest in trained.content), _versions(trained.versions)),
        json.dumps({**config.detector.given(), **({"input_size": config.input_size} if config.input_size else {})}),
    ]


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        for row in rows:
            writer.writerow(["" if v is None else f"{v:.6g}" if isinstance(v, float) else v for v in row])
