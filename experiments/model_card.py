"""The model card of weights that ship: what they were trained on, how well they do on whom, what they are not for."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from experiments.groups import largest_gap
from experiments.tables import auc_of, by_size, face_of, with_interval

NOT_FOR = (
    "Not a proof. A probability says how much a face looks like the forgeries described above; that nothing was found"
    " does not mean that nothing was done.",
    "Not for whole pictures made by a generator, and not for manipulated voices or bodies.",
    "Not as the only reason for a decision about a person: not in court, not in moderation, not at work.",
    "Not for finding out who somebody is, or how old, of which sex or origin.",
)


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a model card reports.

    Attributes:
        metrics: compression -> metrics.json of the test split at it.
        groups: attribute, such as gender -> group -> its entry of `experiments.groups.by_group`.
        grouped_at: the compression of `groups`.
        left_out: content of leave-one-out.json; None if it was not measured.
        people: split -> number of people.
        methods: the manipulation methods of the training data.
        commands: the command lines that made the weights, in order.
        real: compression -> the mean log10 likelihood ratio of each real clip of the test.
        quantizer: compression -> the lowest and highest quantizer (QP) of real clips of the test.
    """

    metrics: dict[str, dict]
    groups: dict[str, dict[str, dict]]
    grouped_at: str
    left_out: dict | None
    people: dict[str, int]
    methods: Sequence[str]
    commands: Sequence[str]
    real: dict[str, list[float]] = dataclasses.field(default_factory=dict)
    quantizer: dict[str, tuple[float, float]] = dataclasses.field(default_factory=dict)


def figures(measured: Measured) -> dict[str, object]:
    """The main figures as JSON values, for `experiments.detection.card`, which tells users what to expect."""
    rows = []
    for compression, found in measured.metrics.items():
        for side, part in by_size(found):
            wrong = part["errors"]["frame"]
            row = {"compression": compression, "side": side, "auc": part["frame"]["auc"]}
            row |= {"auc_ci95": part["frame"]["auc_ci95"]}
            rows.append(row | {kind: wrong[kind]["rate"] for kind in ("false_alarms", "misses")})
    return {
        "trained_on": _trained_on(measured).replace("`", "").replace("\n\n", " "),
        "rows": rows,
        "real": {name: [round(ratio, 4) for ratio in sorted(ratios)] for name, ratios in measured.real.items()},
        "quantizer": {name: list(ends) for name, ends in measured.quantizer.items()},
    }


def model_card(name: str, measured: Measured) -> str:
    """The card in Markdown.

    Args:
        name: the name of the weights, such as photos-1.
        measured: the figures.
    """
    sections = (
        ("Trained on", _trained_on(measured)),
        ("AUC by quality and size of the face", _by_quality(measured.metrics)),
        ("AUC by method", _by_method(measured)),
        ("AUC of methods that were left out of training", _left_out(measured)),
        ("AUC of the weakest, middle and strongest third of the fakes", _by_strength(measured.metrics)),
        ("AUC by group", _by_group(measured)),
        ("Calibration", _calibration(measured.metrics)),
        ("Restoration", _restoration(measured.metrics)),
        ("What it is not for", "\n".join(f"- {line}" for line in NOT_FOR)),
        ("Made by", "```\n" + "\n".join(measured.commands) + "\n```"),
    )
    return "\n\n".join([f"# {name}", *(f"## {title}\n{text}" for title, text in sections if text)]) + "\n"


def _trained_on(measured: Measured) -> str:
    people = measured.people
    return (
        f"Short clips of {people['train']} photographed people, and forgeries of them by this project's own "
        f"`tfafsr forge`: {', '.join(measured.methods)}. {people['val']} other people chose the epoch and the "
        f"calibration. All figures below are of {people['test']} people who were in neither. One photograph shows one "
        "person; motion, camera and compression are simulated.\n\n"
        "No video of a real camera and no forgery by a public generator was seen. Expect lower figures there."
    )


def _by_quality(metrics: dict[str, dict]) -> str:
    rows = []
    for compression, found in metrics.items():
        for side, part in by_size(found):
            wrong = part["errors"]["frame"]
            rates = (_percent(wrong[kind]["rate"]) for kind in ("false_alarms", "misses"))
            rows.append((compression, face_of(side), auc_of(part["frame"]), auc_of(part["video"]), *rates))
    return _table(("compression", "face", "frame AUC", "video AUC", "false alarms at 0.5", "misses at 0.5"), rows)


def _by_method(measured: Measured) -> str:
    columns = list(measured.metrics)
    methods = sorted({method for found in measured.metrics.values() for method in found["per_method"]})
    rows = []
    for method in methods:
        cells = [auc_of(measured.metrics[compression]["per_method"][method]["frame"]) for compression in columns]
        rows.append((method, *cells))
    return _table(("method", *columns), rows)


def _left_out(measured: Measured) -> str:
    """Two trainings of equal length each, with the method and without it."""
    found = {(row["method"], row["compression"]): row for row in (measured.left_out or {"rows": []})["rows"]}
    if not found:
        return ""
    columns = [name for name in measured.metrics if any(at == name for _, at in found)]
    whens = [(compression, when) for compression in columns for when in ("trained", "left_out")]
    rows = []
    for method in sorted({method for method, _ in found}):
        rows.append((method, *(auc_of(found[method, at][when]["frame"]) for at, when in whens)))
    names = {"trained": "trained on it", "left_out": "left out"}
    text = "Of shorter trainings than that of these weights; the two of a quality differ in the method alone.\n\n"
    return text + _table(("method", *(f"{compression}, {names[when]}" for compression, when in whens)), rows)


def _by_strength(metrics: dict[str, dict]) -> str:
    rows = [
        (compression, *(auc_of(part["frame"]) for part in found["strength"]["all"].values()))
        for compression, found in metrics.items()
        if "strength" in found
    ]
    return _table(("compression", "weakest", "middle", "strongest"), rows) if rows else ""


def _by_group(measured: Measured) -> str:
    if not measured.groups:
        return ""
    texts = [f"Frames at {measured.grouped_at}. The groups are those that the photographs' collectors gave."]
    for attribute, groups in measured.groups.items():
        rows = [
            (group, found["people"], auc_of(found["frame"]), _percent(found["errors"]["false_alarms"]["rate"]))
            for group, found in groups.items()
        ]
        gap = largest_gap(groups)
        texts.append(_table((attribute, "people", "frame AUC", "false alarms at 0.5"), rows))
        if gap is not None:
            texts.append(f"Largest difference of AUC by {attribute}: {gap:.3f}.")
        rates = [found["errors"]["false_alarms"]["rate"] for found in groups.values()]
        rates = [rate for rate in rates if rate is not None]
        if len(rates) > 1:
            points = 100 * (max(rates) - min(rates))
            texts.append(f"Largest difference of false alarms by {attribute}: {points:.1f} percentage points.")
    return "\n\n".join(texts)


def _calibration(metrics: dict[str, dict]) -> str:
    rows = []
    for compression, found in metrics.items():
        if "calibration" in found:
            parts = (found["calibration"][when] for when in ("before", "after"))
            rows.append((compression, *(with_interval(part["ece"], part["ece_ci95"], 3) for part in parts)))
    return _table(("compression", "expected calibration error before", "after"), rows) if rows else ""


def _restoration(metrics: dict[str, dict]) -> str:
    names = ("restoration_gain_db", "restoration_gain_inside_db", "restoration_gain_ssim")
    rows = []
    for compression, found in metrics.items():
        gains = [found.get("restoration", {}).get(name, {"mean": None}) for name in names]
        if gains[0]["mean"] is not None:
            rows.append((compression, *(with_interval(gain["mean"], gain["ci95"], 3, "+") for gain in gains)))
    return _table(("compression", "PSNR gain, dB", "inside the mask, dB", "SSIM gain"), rows) if rows else ""


def _percent(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.1%}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)
