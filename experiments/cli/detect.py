"""The command `detect`."""

from __future__ import annotations

import json
import sys

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
def detect(paths: tuple[str, ...], model: str | None, as_list: bool, fps: float, smallest_face: int) -> None:
    """Tell whether the faces in pictures and videos are manipulated.

    A PATH is a picture, a video, a folder of them, a pattern, or - for a list of names on standard input. The exit
    status is 1 if a file could not be judged.
    """
    from experiments.detection import LIMITS, Settings, analyse, as_json, items, lines, open_model, summary
    from records.progress import progress

    opened = open_model(model, lambda text: click.echo(text, err=True))
    found = list(items(paths, sys.stdin.buffer))
    settings = Settings(fps, smallest_face)
    answers = []
    for item in progress(found, len(found), "Looking") if len(found) > 1 else found:
        answers.append(analyse(item, opened, settings))
        if not as_list:
            for line in lines(answers[-1]):
                click.echo(line)
    if as_list:
        click.echo(json.dumps([as_json(answer) for answer in answers], indent=2, allow_nan=False))
    else:
        if len(answers) > 1:
            click.echo("\n".join(summary(answers)))
        if any(answer.support for answer in answers):
            click.echo(LIMITS)
    sys.exit(NOT_JUDGED if any(answer.support is None for answer in answers) else 0)
