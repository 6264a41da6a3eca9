"""Runs the whole pipeline on a forged data set, by the same commands that a user runs on a real one."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console

from experiments.rows import write_rows
from experiments.tables import quality_table, results_table
from records.errors import DataError
from records.progress import duration

COMPRESSIONS = ("raw", "c23", "c40")
TRAINED_ON = ("c40", "c23", "raw")
REPORTED = "c40"  # the compression of the report and of the exports' comparison
STEPS = 200  # of an epoch; each epoch has other faces
QUANTIZE = ("none", "dynamic", "int8")
SIZES = (32, 16)  # of faces, in pixels; the model's have 64
IDENTITIES, FRAMES = 320, 2  # many people teach more than many frames of one


def quickstart(
    out: Path,
    seed: int,
    run_command: Callable[[list[str]], object],
    identities: int = IDENTITIES,
    frames: int = FRAMES,
    epochs: int | None = None,
    steps: int = STEPS,
    quantize: Sequence[str] = QUANTIZE,
) -> dict:
    """Forges a data set, builds records, trains preset `tiny` at all compressions, evaluates on unseen people, exports.

    Started again after an interruption, every step continues where it stopped.

    Args:
        out: folder of all results: data/, records/, run/, metrics-*.json, results.csv, report/, models/.
        seed: seed of the data set and of the training.
        run_command: function that runs one `tfafsr` command line, given as a list of arguments.
        identities: number of rendered people.
        frames: number of frames of each video.
        epochs: epochs of training; None means the preset's.
        steps: steps of each epoch.
        quantize: the LiteRT forms that are exported.

    Returns:
        compression -> content of its metrics.json.

    Raises:
        DataError: a step refuses its input, or an exported model does not answer like the Keras model.
    """
    console = Console(stderr=False)
    started = time.monotonic()
    data, records, run = out / "data", out / "records", out / "run"
    metrics = {compression: out / f"metrics-{compression}.json" for compression in COMPRESSIONS}
    commands = [
        (
            "Forging videos: rendered people, five kinds of manipulation, three compressions",
            f"forge --faces rendered --out {quoted(data)} --identities {identities} --frames {frames} --seed {seed}",
        ),
        (
            "Finding faces and writing TFRecords",
            f"build --source ffpp --root {quoted(data)} --out {quoted(records)} --size 64"
            f" --frames-train {frames} --frames-eval {frames} --workers 2",
        ),
        (
            f"Training AFSR and TFE together on {', '.join(TRAINED_ON)}",
            f"train --records {quoted(records)} --compressions {' '.join(TRAINED_ON)} --preset tiny --degrade 0.25"
            f" --steps {steps} --seed {seed} --out {quoted(run)}" + (f" --epochs {epochs}" if epochs else ""),
        ),
        *(
            (
                f"Scoring people never seen in training, at {compression}",
                f"evaluate --run {quoted(run)} --records {quoted(records)} --compression {compression}"
                f" --split test --sizes {' '.join(map(str, SIZES))} --out {quoted(path)} --quiet",
            )
            for compression, path in metrics.items()
        ),
        (
            "Drawing the report",
            f"report --run {quoted(run)} --records {quoted(records)} --metrics {quoted(metrics[REPORTED])}"
            f" --out {quoted(out / 'report')}",
        ),
        *_export_steps(run, records, out / "models", quantize),
    ]
    for number, (title, line) in enumerate(commands, 1):
        console.rule(f"[bold]{number}/{len(commands)}  {title}", align="left")
        console.print(f"$ tfafsr {line}", style="dim", soft_wrap=True, highlight=False)
        if run_command(shlex.split(line)):
            raise DataError(f"`tfafsr {line}` found a model that does not answer like the Keras model; see above.")
    results = {compression: json.loads(path.read_text()) for compression, path in metrics.items()}
    write_rows(out / "results.csv", results)
    console.rule("[bold]Result", align="left")
    title = f"Trained on {', '.join(TRAINED_ON)}, tested on people never seen: AUC [95% interval]"
    console.print(results_table(results, title))
    console.print(quality_table(results))
    console.print(
        f"Pictures: {out / 'report'}. Everything took {duration(time.monotonic() - started)}.", highlight=False
    )
    return results


def _export_steps(run: Path, records: Path, models: Path, quantize: Sequence[str]) -> list[tuple[str, str]]:
    """Titles and command lines of the exports that do not exist yet, and of the comparison of all exports."""
    version = models / "tfafsr" / "1"
    files = {form: models / f"detector-{form}.tflite" for form in quantize}
    steps = []
    if not version.exists():
        line = f"export --run {quoted(run)} --format savedmodel --version 1 --out {quoted(version.parent)}"
        steps.append(("Exporting for TensorFlow Serving", line))
    for form, path in files.items():
        if not path.exists():
            line = f"export --run {quoted(run)} --format tflite --quantize {form} --out {quoted(path)}"
            line += f" --records {quoted(records)}" if form == "int8" else ""
            steps.append((f"Exporting for LiteRT, --quantize {form}", line))
    exported = " ".join(quoted(path) for path in (version.parent, *files.values()))
    line = f"verify {exported} --run {quoted(run)} --records {quoted(records)}"
    return [*steps, ("Comparing what was exported with the Keras model", line)]


def quoted(path: Path) -> str:
    """A path as it is typed on a command line."""
    return shlex.quote(str(path))
