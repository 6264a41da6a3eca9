"""Prints the result of `check`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.table import Table

from experiments.audit.survey import BETRAYAL, CUES, Survey
from records.progress import duration, escaped
from records.sources import SPLITS

SHOWN = 10  # entries of a list; the JSON has all


def show(found: Survey) -> None:
    """Prints the survey as tables and lists; only the first entries of long lists are printed."""
    console = Console(markup=False)

    def line(text: str = "") -> None:
        console.print(escaped(text), highlight=False, soft_wrap=True, markup=False)

    line(f"Layout: {found.layout}.")
    line(f"Splits: {found.splits.in_words()}.")
    console.print(_counts(found))
    for remark in found.remarks[:SHOWN]:
        line(remark)
    _more(line, found.remarks)
    _list(line, "missing", found.missing, lambda one: f"{one['clip']}: {one['reason']}")
    _list(line, "unreadable", found.unreadable, lambda one: f"{one['clip']}: {one['reason']}")
    _list(
        line,
        "of another length than their twin (the shorter is used)",
        found.unequal,
        lambda one: f"{one['clip']}: {one['frames']} frames, its twin {one['twin']}",
    )
    without = found.masks["missing"]
    if len(without) > SHOWN:
        by_method = Counter(video.split("/")[1] for video in without)
        listed = ", ".join(f"{number} of {method}" for method, number in by_method.items())
        line(f"{len(without)} without the data set's own mask (building does not need it): {listed}.")
    else:
        _list(line, "without the data set's own mask (building does not need it)", without, str)
    _list(
        line,
        "whose own mask is short or does not open (building does not need it)",
        found.masks["short"],
        lambda one: f"{one['clip']}: {one['frames']} frames, mask {one['mask']}",
    )
    _list(line, "beside the clips that are none of them", found.odd, str)
    for level, judged in found.cues.items():
        console.print(_cues(level, judged))
    if found.betrays:
        line(
            f"This data set betrays itself by {', '.join(found.betrays)}: a detector can learn that instead of the "
            "manipulation. Bring both classes to one codec, rate and size first."
        )
    else:
        line(f"No codec, rate or size has an AUC that differs from 0.5 by more than {BETRAYAL:g}.")
    if found.estimate:
        cost = found.estimate
        line(
            f"A build would write about {cost['examples']} faces, {_bytes(cost['bytes'])}, in about "
            f"{duration(cost['seconds'])} (m:ss) with {cost['workers']} workers (timed on {cost['sampled']} clips)."
        )
    line("Complete: a build would use every clip." if found.complete else "Incomplete: a build would leave clips out.")


def _counts(found: Survey) -> Table:
    """A row for each method and compression, with the number of clips found (and expected, if higher) in each split."""
    table = Table(title="Clips: found, or found/expected", title_justify="left")
    splits = [split for split in SPLITS if any(row["split"] == split for row in found.table)]
    for name in ("method", "compression"):
        table.add_column(name, no_wrap=True)
    for name in (*splits, "missing", "unreadable"):
        table.add_column(name, justify="right")
    groups: dict[tuple[str, str], dict[str, dict]] = {}
    for row in found.table:
        groups.setdefault((row["method"], row["compression"]), {})[row["split"]] = row
    for names, rows in groups.items():
        cells = [_cell(rows.get(split)) for split in splits]
        totals = [str(sum(row[name] for row in rows.values())) for name in ("missing", "unreadable")]
        table.add_row(*map(escaped, names), *cells, *totals)
    return table


def _cell(row: dict | None) -> str:
    if row is None:
        return "-"
    return str(row["found"]) if row["found"] == row["expected"] else f"{row['found']}/{row['expected']}"


def _cues(level: str, judged: dict[str, dict]) -> Table:
    table = Table(title=f"What may tell the label at {level}", title_justify="left")
    table.add_column("median of", no_wrap=True)
    for name in ("real", "fake", "AUC [95%]"):
        table.add_column(name, justify="right")
    for name, one in judged.items():
        auc = "-"
        if one["auc"] is not None:
            low, high = one["auc_ci95"]
            auc = f"{one['auc']:.2f} [{low:.2f}, {high:.2f}]"
        table.add_row(CUES[name], _value(one["real"]), _value(one["fake"]), auc)
    return table


def _value(value: object) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {number}" for name, number in list(value.items())[:3])
    return "-" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _list(line: Callable[[str], None], what: str, items: Sequence, text: Callable) -> None:
    if items:
        line(f"{len(items)} {what}:")
        for item in items[:SHOWN]:
            line(f"  {text(item)}")
        _more(line, items)


def _more(line: Callable[[str], None], items: Sequence) -> None:
    if len(items) > SHOWN:
        line(f"  and {len(items) - SHOWN} more; --json lists them all.")


def _bytes(size: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if size < 1024 or unit == "TiB":
            return f"{size:.1f} {unit}"
        size /= 1024
    raise AssertionError
