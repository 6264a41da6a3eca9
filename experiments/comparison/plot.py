"""Draws a table as a picture: a dot with its interval for each cell, or a curve over the size of the face."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from experiments.comparison.plans import FULL, Plan
from experiments.comparison.statistics import Figures, Pair

ACROSS = 3  # panels in a row of curves


def draw(plan: Plan, figures: Mapping[Pair, Figures], path: Path) -> None:
    """Draws the frame AUC of all cells in percent.

    Args:
        plan: the table.
        figures: what was measured in each cell.
        path: the PNG file.
    """
    figure = _curves(plan, figures) if FULL in plan.columns else _dots(plan, figures)
    figure.suptitle(f"{plan.name}: {plan.title}")
    with path.open("wb") as file:
        FigureCanvasAgg(figure).print_png(file)


def _dots(plan: Plan, figures: Mapping[Pair, Figures]) -> Figure:
    """A panel for each column; a row of the table is a line of dots."""
    figure = Figure(figsize=(2.4 + 2.2 * len(plan.columns), 1.6 + 0.32 * len(plan.rows)), layout="constrained")
    panels = figure.subplots(1, len(plan.columns), sharey=True, squeeze=False)[0]
    for axes, column in zip(panels, plan.columns, strict=True):
        for height, row in enumerate(plan.rows):
            if (one := figures.get((row, column))) is None:
                continue
            if one.auc_ci95:
                axes.plot([100 * end for end in one.auc_ci95], [height, height], color="tab:blue", linewidth=2)
            axes.plot([100 * one.auc], [height], "o", color="tab:blue", label="measured on these records")
            if one.published is not None:
                axes.plot([one.published], [height], "x", color="0.5", label="published on FaceForensics++")
        axes.set_yticks(range(len(plan.rows)), plan.rows)
        axes.set_ylim(len(plan.rows) - 0.5, -0.5)
        axes.axvline(50, color="0.85", linewidth=1, zorder=0)
        axes.set(title=column, xlabel="AUC, %")
        axes.grid(axis="x", alpha=0.3)
    named = {label: handle for axes in panels for handle, label in zip(*axes.get_legend_handles_labels(), strict=True)}
    figure.legend(named.values(), named.keys(), loc="outside lower center", ncols=2, frameon=False)
    return figure


def _curves(plan: Plan, figures: Mapping[Pair, Figures]) -> Figure:
    """A panel for each compression, a curve over the size of the face for each method."""
    compressions = list(dict.fromkeys(row.split(", ")[0] for row in plan.rows))
    methods = list(dict.fromkeys(row.split(", ")[1] for row in plan.rows))
    across = min(ACROSS, len(compressions))
    down = -(-len(compressions) // across)
    figure = Figure(figsize=(1.2 + 4.2 * across, 1.4 + 3.4 * down), layout="constrained")
    panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).flat
    for axes, compression in zip(panels, compressions, strict=False):
        for number, method in enumerate(methods):
            cells = [figures[f"{compression}, {method}", column] for column in plan.columns]
            places, color = range(len(cells)), f"C{number}"
            axes.plot(places, [100 * one.auc for one in cells], marker=".", color=color, label=method)
            if all(one.auc_ci95 for one in cells):
                low, high = ([100 * one.auc_ci95[end] for one in cells] for end in (0, 1))
                axes.fill_between(places, low, high, color=color, alpha=0.12, linewidth=0)
        axes.axhline(50, color="0.85", linewidth=1, zorder=0)
        axes.set_xticks(range(len(plan.columns)), [column.removesuffix(" pixels") for column in plan.columns])
        axes.set(title=compression, xlabel="side of the face, pixels", ylabel="AUC, %")
        axes.grid(alpha=0.3)
    for axes in figure.axes[len(compressions) :]:
        axes.set_axis_off()
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(labels), 5), frameon=False)
    return figure
