"""The figures of several metrics.json as the rows of one CSV file, such as those in experiments/results/."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from experiments.tables import by_size, face_of
from records.atomic import atomic_file

COLUMNS = ("compression", "face", "method", "level", "auc", "low", "high", "n", "false_alarms", "misses")


def rows_of(metrics: Mapping[str, dict]) -> list[tuple]:
    """One row for each compression, size of the face, method and level (frame, video), in the order of `COLUMNS`.

    Args:
        metrics: compression -> metrics as `evaluate` returns them. `face` is `as it is`, or a side in pixels.
    """
    rows = []
    for compression, found in metrics.items():
        parts = [(side, "all", part) for side, part in by_size(found)]
        parts += [(None, method, part) for method, part in found["per_method"].items()]
        for side, method, part in parts:
            face = side or face_of(None)
            for level in ("frame", "video"):
                wrong = part.get("errors", {}).get(level, {})
                rates = [wrong.get(kind, {}).get("rate") for kind in ("false_alarms", "misses")]
                area = part[level]
                values = (area["auc"], *(area["auc_ci95"] or (None, None)))
                rows.append((compression, face, method, level, *map(_short, values), area["n"], *map(_short, rates)))
    return rows


def write_rows(path: Path, metrics: Mapping[str, dict]) -> None:
    """Writes the CSV file completely or not at all."""
    with atomic_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows_of(metrics)])


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"
