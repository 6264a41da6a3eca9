"""The command `detect`."""

from __future__ import annotations

import gc
import json
import sys
from pathlib import Path

import click

from experiments.cli.command import command

NOT_JUDGED = 1


@command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path())
@click.option(
    "--model",
    help="A .tflite file or edge bundle, a SavedModel, a run, or a server: grpc://host:8500, "
    "http://host:8501/v1/models/NAME.  [default: the weights that ship]",
)
@click.option("--json", "as_list", is_flag=True, help="Print one JSON list with every person and frame.")
@click.option(
    "--fps",
    default=5.0,
    show_default=True,
    type=click.FloatRange(0, 1000, min_open=True),
    help="Frames of a video that are looked at, per second.",
)
@click.option(
    "--smallest-face",
    default=32,
    show_default=True,
    type=click.IntRange(16),
    help="Faces are judged from so many pixels on: side of the square around the face.",
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for report.html, a page with the evidence, and answers.json.",
)
@click.option("--overlay", is_flag=True, help="Also write a copy of each file into --out, with boxes and answers.")
@click.option(
    "--max-false-alarms",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Raise an alarm above the likelihood ratio that at most this share of measured real clips passes, e.g. 0.01.",
)
def detect(
    paths: tuple[str, ...],
    model: str | None,
    as_list: bool,
    fps: float,
    smallest_face: int,
    out: Path | None,
    overlay: bool,
    max_false_alarms: float | None,
) -> None:
    """Tell whether the faces in pictures and videos are manipulated.

    A PATH is a picture, a video, a folder of them, a pattern, or - for a list of names on standard input. The exit
    status is 1 if a file could not be judged.
    """
    from experiments.detection import LIMITS, Results, Settings, analyse, as_json, items, lines, open_model, summary
    from records.progress import progress

    if overlay and out is None:
        raise click.UsageError("--overlay writes files; give --out DIR, the folder for them.")
    opened = open_model(model)
    if max_false_alarms is not None:
        opened.check_alarms(max_false_alarms)
    found = list(items(paths, sys.stdin.buffer))
    settings = Settings(fps, smallest_face, max_false_alarms, evidence=out is not None)
    results = Results(out, opened, overlay) if out else None
    answers = []
    for item in progress(found, len(found), "Looking") if len(found) > 1 else found:
        answer = analyse(item, opened, settings)
        if results:
            answer = results.add(answer)
        answers.append(answer)
        if not as_list:
            for line in lines(answer):
                click.echo(line)
        gc.collect()  # PyAV's frames hang in circles, and a picture may be large
    if results:
        click.echo(f"Report: {results.finish()}", err=as_list)
    if as_list:
        click.echo(json.dumps([as_json(answer) for answer in answers], indent=2, allow_nan=False))
    else:
        if len(answers) > 1:
            click.echo("\n".join(summary(answers)))
        if any(answer.support for answer in answers):
            click.echo(LIMITS)
    sys.exit(NOT_JUDGED if any(answer.support is None for answer in answers) else 0)
