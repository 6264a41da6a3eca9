"""Leave-one-method-out: how well a method's fakes are told by a run that was trained on all other methods."""

from __future__ import annotations

import csv
import dataclasses
import os
from pathlib import Path

from experiments import beginnings, data, grid, runs
from experiments.config import LeaveOneOutConfig
from records.atomic import atomic_file, locked, write_json
from records.errors import DataError

ALL, WITHOUT = "all", "without-"  # names of the run folders
LEVELS = ("frame", "video")
COLUMNS = ("records", "compression", "method", "level", "trained", "trained_low", "trained_high")
COLUMNS += ("left_out", "left_out_low", "left_out_high")


def leave_one_out(config: LeaveOneOutConfig, out: Path, say: grid.Say = print) -> dict:
    """Trains one run with all methods and one without each method, and tests them on people never seen.

    Args:
        config: the options of the runs, and the methods that are left out in turn.
        out: folder of the results: the runs `all` and `without-METHOD`, `measured/`, leave-one-out.json and
            leave-one-out.csv. Runs that were finished there with the same options and records are not trained again.
        say: function that prints one line.

    Returns:
        The content of leave-one-out.json, see docs/metrics.md.

    Raises:
        DataError: a method that the records do not hold, fewer than two methods, no test split, or as `training.train`
            and `evaluation.evaluate` raise it.
    """
    with locked(out, "training in"):
        methods = _methods(config)
        places = grid.test_places(config.train.records, config.train.compressions)
        configs = {ALL: config.train}
        for method in methods:
            configs[WITHOUT + method] = dataclasses.replace(config.train, leave_out=(*config.train.without, method))
        measured = grid.train_and_test({name: grid.Job(of_run, places) for name, of_run in configs.items()}, out, say)
        metrics = {name: list(of_run.metrics.values()) for name, of_run in measured.items()}
        result = {
            "split": grid.SPLIT,
            "methods": methods,
            "rows": [row for index in range(len(places)) for row in _rows(index, methods, metrics)],
        }
        _write(out, result)
    return result


def _methods(config: LeaveOneOutConfig) -> list[str]:
    """The methods that are left out in turn."""
    if beginnings.makes_its_fakes(config.train):
        raise DataError(f"{config.train.method} makes its fakes itself: every method of the records is left out.")
    held = sorted(data.methods_held(config.train, "train") - set(config.train.without))
    if len(held) < 2:
        raise DataError(
            f"To leave one method out takes at least two for training; the records {', '.join(config.train.records)} "
            f"hold {', '.join(held) or 'none'}."
        )
    if unknown := [method for method in config.methods or () if method not in held]:
        raise DataError(
            f"--methods: the records hold no method {unknown[0]!r} for training; they hold {', '.join(held)}."
        )
    return [method for method in held if config.methods is None or method in config.methods]


def _rows(index: int, methods: list[str], metrics: dict[str, list[dict]]) -> list[dict]:
    """The rows of one folder at one compression; a method that its test split lacks has none."""
    full = metrics[ALL][index]
    return [
        {
            **{name: full[name] for name in ("records", "records_content", "compression")},
            "method": method,
            "trained": full["per_method"][method],
            "left_out": metrics[WITHOUT + method][index]["per_method"][method],
        }
        for method in methods
        if method in full["per_method"]
    ]


def _write(out: Path, result: dict) -> None:
    """Writes the JSON and the CSV file, and a copy of the JSON for `evaluate` into the run with all methods."""
    with atomic_file(out / "leave-one-out.csv") as path, path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in result["rows"]:
            for level in LEVELS:
                figures = []
                for when in ("trained", "left_out"):
                    summary = row[when][level]
                    figures += [summary["auc"], *(summary["auc_ci95"] or (None, None))]
                names = (row["records"], row["compression"], row["method"], level)
                writer.writerow([*names, *("" if value is None else f"{value:.6f}" for value in figures)])
        file.flush()
        os.fsync(file.fileno())
    write_json(out / ALL / runs.LEFT_OUT_FILE, result)
    write_json(out / "leave-one-out.json", result)
