"""Measures `tfafsr detect` on a video: frames a second of the whole clip, and the shares of decoding, faces and model.

    python -m experiments.benchmarks.detecting clip.mp4 --model detector.tflite --fps 5

`playing time` is the video's own; a ratio of 0.2 means that an answer takes a fifth of it. The clip is analysed
--rounds times after one round that warms up, and the median is printed.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import click

from experiments.detection import Item, Settings, analyse, open_model
from faces import FaceDetector
from records.footage import info


class Stopwatch:
    """Adds up the seconds that functions take."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def timed(self, function: Callable) -> Callable:
        """The same function, whose time is added."""

        def call(*arguments: object, **named: object) -> object:
            started = time.perf_counter()
            try:
                return function(*arguments, **named)
            finally:
                self.seconds += time.perf_counter() - started

        return call


class TimedFaces(FaceDetector):
    """Finds faces by another finder, against the clock."""

    def __init__(self, finder: FaceDetector, watch: Stopwatch) -> None:
        self.detect = watch.timed(finder.detect)


@click.command()
@click.argument("clip", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--model", help="As in `tfafsr detect`.")
@click.option("--fps", default=5.0, show_default=True)
@click.option("--rounds", default=3, show_default=True)
def main(clip: Path, model: str | None, fps: float, rounds: int) -> None:
    """Print speed and shares."""
    opened = open_model(model)
    rows = []
    for _ in range(1 + rounds):
        faces, scores = Stopwatch(), Stopwatch()
        timed = dataclasses.replace(opened, faces=TimedFaces(opened.faces, faces), score=scores.timed(opened.score))
        started = time.perf_counter()
        answer = analyse(Item(clip), timed, Settings(fps=fps))
        rows.append((time.perf_counter() - started, faces.seconds, scores.seconds))
    if answer.reason:
        raise click.ClickException(answer.reason)
    whole, found, scored = (statistics.median(column) for column in zip(*rows[1:], strict=True))
    about = info(clip)
    click.echo(
        f"{answer.frames} of {about.frames} frames of {about.width} x {about.height} in {whole:.2f} s: "
        f"{answer.frames / whole:.1f} frames a second, {whole / about.seconds:.2f} of the playing time.\n"
        f"faces {found / whole:.0%}, model {scored / whole:.0%}, decoding and the rest "
        f"{(whole - found - scored) / whole:.0%}."
    )


if __name__ == "__main__":
    main()
