"""The tables that commands print: the result of a build, the metrics of a run, the comparison of exported models."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from experiments.audit import inspection
from records.progress import escaped
from records.shards import Manifest

FORMS = {
    "savedmodel": "SavedModel",
    "none": "LiteRT float32",
    "float16": "LiteRT float16",
    "dynamic": "LiteRT dynamic",
    "int8": "LiteRT int8",
}


def print_built(manifest: Manifest, out: Path) -> None:
    """Prints every skipped clip with its reason, the number of faces, and the number of frames without a face."""
    console = Console(markup=False)

    def line(text: str) -> None:
        console.print(escaped(text), highlight=False, soft_wrap=True, markup=False)

    if manifest.skips:  # before the table, which thousands of lines would scroll away
        line("Skipped:")
    for skip in manifest.skips:
        line(f"  {skip.clip} (label {skip.label}): {skip.reason}")
    console.print(inspection.counts_table(manifest, f"Faces in {out}"))
    without = sum(clip.frames_without_face for clip in manifest.clips.values())
    total = without + sum(clip.frames_scored for clip in manifest.clips.values())
    share = 100 * (1 - without / total)
    line(f"{total - without} of {total} frames have a face ({share:.1f}%); the manifest counts the rest.")
    shortened = Counter(bool(clip.shortened) for clip in manifest.clips.values())[True]
    if shortened:
        line(
            f"{shortened} clips are longer or shorter than their twin; the shorter length was used (see the manifest)."
        )
    if manifest.skips:
        line(f"{len(manifest.skips)} clips were skipped; the reasons are above and in {out / 'manifest.json'}.")
    line(f"Content hash: {manifest.content_hash[:16]}")


def results_table(results: dict[str, dict], title: str) -> Table:
    """A table of frame and video AUC; for each compression a row for all methods together and one for each method.

    Args:
        results: compression -> metrics as `evaluate` returns them.
        title: title of the table; methods that the run was not trained on are marked with a star.
    """
    table = Table(title=title, title_justify="left")
    for name in ("tested at", "method", "frame AUC", "video AUC"):
        table.add_column(name, no_wrap=True)
    for compression, metrics in results.items():
        rows = {"all": metrics, **metrics["per_method"]}
        for number, (method, part) in enumerate(rows.items()):
            cells = [auc_of(part[level], 3) for level in ("frame", "video")]
            style = "bold" if method == "all" else None
            name = escaped(method) + (" *" if number and method in metrics["not_trained_on"] else "")
            table.add_row("" if number else compression, name, *cells, style=style, end_section=number == len(rows) - 1)
    return table


def leave_one_out_table(result: dict) -> Table:
    """A table of frame AUC by method, when it was trained on and when it was left out.

    Args:
        result: the content of leave-one-out.json.
    """
    table = Table(title="Frame AUC of people never seen [95% interval]", title_justify="left")
    for name in ("tested at", "method", "trained on it", "left out"):
        table.add_column(name, no_wrap=True)
    several = len({row["records"] for row in result["rows"]}) > 1
    places: dict[tuple[str, str], list[dict]] = {}
    for row in result["rows"]:
        places.setdefault((row["records"], row["compression"]), []).append(row)
    for (records, compression), rows in places.items():
        place = f"{records} {compression}" if several else compression
        for number, row in enumerate(rows):
            cells = [auc_of(row[when]["frame"], 3) for when in ("trained", "left_out")]
            table.add_row("" if number else escaped(place), escaped(row["method"]), *cells)
        table.add_row("", "mean", *(_mean_auc(rows, when) for when in ("trained", "left_out")), style="bold")
        table.add_section()
    return table


def by_size(metrics: dict) -> list[tuple[int | None, dict]]:
    """The figures of the faces as they are, side None, and shrunk to each side in pixels.

    Args:
        metrics: as `evaluate` returns them, with or without `sizes`.
    """
    return [(None, metrics), *((part["side"], part) for part in metrics.get("sizes", ()))]


def face_of(side: int | None) -> str:
    """The words for a size of `by_size`."""
    return "as it is" if side is None else f"{side} pixels"


def quality_table(results: dict[str, dict]) -> Table:
    """A table of AUC, false alarms and misses of frames at one threshold, by compression and size of the face.

    Args:
        results: compression -> metrics as `evaluate` returns them, with or without `sizes`.
    """
    threshold = next(iter(results.values()))["errors"]["threshold"]
    table = Table(title=f"Frames by quality; errors at the threshold {threshold}", title_justify="left")
    for name in ("tested at", "face", "frame AUC"):
        table.add_column(name, no_wrap=True)
    for name in ("false alarms", "misses"):
        table.add_column(name, justify="right", no_wrap=True)
    for compression, metrics in results.items():
        rows = by_size(metrics)
        for number, (side, part) in enumerate(rows):
            shares = (part["errors"]["frame"][name]["rate"] for name in ("false_alarms", "misses"))
            rates = ("-" if rate is None else f"{rate:.1%}" for rate in shares)
            name = "" if number else compression
            table.add_row(name, face_of(side), auc_of(part["frame"]), *rates, end_section=number == len(rows) - 1)
    return table


def strength_table(thirds: dict) -> Table:
    """A table of frame AUC by strength: a row for all methods together and for each method, a column for each third.

    Args:
        thirds: the value of `strength` in metrics.json.
    """
    table = Table(title="Frame AUC by strength of the manipulation (from-to)", title_justify="left")
    for name in ("method", *thirds["all"]):
        table.add_column(name, no_wrap=True)
    for method, row in {"all": thirds["all"], **thirds["per_method"]}.items():
        cells = [
            "-" if part["frame"]["auc"] is None else f"{part['frame']['auc']:.3f} ({part['from']:.2f}-{part['to']:.2f})"
            for part in row.values()
        ]
        table.add_row(escaped(method), *cells, style="bold" if method == "all" else None)
    return table


def results_lines(metrics: dict) -> list[str]:
    """The lines below the table of results: methods not trained on, coverage, components, errors, decoys, calibration.

    Args:
        metrics: as `evaluate` returns them.
    """
    coverage = metrics["coverage"]
    total = coverage["frames_scored"] + coverage["frames_without_face"]
    lines = [
        f"{coverage['frames_scored']} of {total} frames of {coverage['clips']} clips scored; "
        f"{coverage['frames_without_face']} without a face."
    ]
    lines.append(f"Intervals resample {metrics['people']['components']} components of connected people.")
    if metrics["people"]["trained_on"] is None:
        lines.append(
            f"It is not known on whom {escaped(metrics['run'])} was trained: if they are in these records, the figures "
            "mean nothing."
        )
    for name, key, kind in (("False alarms", "false_alarms", "real"), ("Misses", "misses", "manipulated")):
        shares = (f"{_share(metrics['errors'][level][key])} {kind} {level}s" for level in ("video", "frame"))
        lines.append(f"{name} at {metrics['errors']['threshold']}: {', '.join(shares)}.")
    if metrics["not_trained_on"]:
        lines.insert(0, f"* not in the run's training data: {escaped(', '.join(metrics['not_trained_on']))}.")
    if "left_out" in metrics:
        areas = ", ".join(f"{escaped(name)} {auc_of(part['frame'], 3)}" for name, part in metrics["left_out"].items())
        lines.append(f"Frame AUC when left out of training: {areas}.")
    if "decoys" in metrics:
        with_decoy, without = metrics["decoys"]["with_decoy"], metrics["decoys"]["without_decoy"]
        lines.append(
            f"Decoys: of the real videos, {with_decoy['false_alarms']} of {with_decoy['videos']} with a decoy are "
            f"false alarms, {without['false_alarms']} of {without['videos']} without."
        )
    if "calibration" in metrics:
        found = metrics["calibration"]
        before, after = (with_interval(found[name]["ece"], found[name]["ece_ci95"], 3) for name in ("before", "after"))
        lines.append(
            f"Expected calibration error of frames: {before} before and {after} after calibration, "
            f"probability = sigmoid({found['scale']:.3g} * logit {found['bias']:+.3g})."
        )
    return lines


def print_comparison(result: dict) -> None:
    """Prints the comparison of exported models with the Keras model, and in what a model exceeds its tolerance.

    Args:
        result: as `verify` prints it with --json.
    """
    console = Console()
    console.print(comparison_table(result))
    for model in result["models"]:
        for reason in model["reasons"]:
            console.print(f"{model['path']}: {reason}.", style="bold red", highlight=False, soft_wrap=True)
    if all(model["agrees"] for model in result["models"]):
        console.print("All agree with the Keras model within their tolerances, which --json lists.", soft_wrap=True)


def comparison_table(result: dict) -> Table:
    """A row for the Keras model and one for each exported form, in 80 columns.

    Args:
        result: as `verify` prints it with --json.
    """
    threads = list(result["keras"]["latency_ms"])
    title = f"{result['keras']['n']} faces of {result['records']}, {result['split']} split at {result['compression']}"
    table = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("form", "largest\ndiff.", "mean\ndiff."):
        table.add_column(name, no_wrap=True)
    table.add_column("AUC\n[95% int.]", min_width=12)
    for name in ("points\nlost", "MB", *(f"ms, {count}\nthread{'s' * (count != '1')}" for count in threads)):
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in (("Keras", result["keras"]), *((FORMS[model["form"]], model) for model in result["models"])):
        difference = row.get("difference") or {}
        table.add_row(
            name,
            *(f"{difference[key]:.1e}" if key in difference else "-" for key in ("largest", "mean")),
            auc_of(row, 4),
            "-" if row.get("auc_loss") is None else f"{row['auc_loss']:+.2f}",
            f"{row['bytes'] / 1e6:.2f}",
            *(f"{row['latency_ms'][count]:.1f}" for count in threads),
            style=None if row.get("agrees", True) else "bold red",
        )
    return table


def _mean_auc(rows: list[dict], when: str) -> str:
    areas = [row[when]["frame"]["auc"] for row in rows if row[when]["frame"]["auc"] is not None]
    return f"{sum(areas) / len(areas):.3f}" if areas else "-"


def auc_of(summary: dict, digits: int = 3) -> str:
    """AUC and interval of a summary; `-` without both classes."""
    return with_interval(summary["auc"], summary["auc_ci95"], digits)


def _share(found: dict) -> str:
    """A share as `7.1% [0.2%, 30.0%] of 14`; `none of 0` without examples."""
    if found["rate"] is None:
        return "none of 0"
    ends = "" if found["ci95"] is None else " [{:.1%}, {:.1%}]".format(*found["ci95"])
    return f"{found['rate']:.1%}{ends} of {found['n']}"


def with_interval(value: float | None, ends: list[float] | None, digits: int, sign: str = "") -> str:
    """A figure with its interval, as `0.969 [0.93, 0.99]`; `-` without a figure, no brackets without an interval.

    With `sign="+"` a positive figure has a sign.
    """
    if value is None:
        return "-"
    return f"{value:{sign}.{digits}f}" if ends is None else f"{value:{sign}.{digits}f} [{ends[0]:.2f}, {ends[1]:.2f}]"
