"""Compares the speed of reading a training epoch with that of the train step.

python -m experiments.benchmarks.reading --records RECORDS --compression c40 --preset tiny
"""

from __future__ import annotations

import time
from pathlib import Path

import click

from experiments import data
from experiments.benchmarks.train_step import milliseconds_an_image
from experiments.config import DetectorOptions, TrainConfig


@click.command(help=__doc__)
@click.option("--records", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--compression", default="c40", show_default=True)
@click.option("--preset", default="tiny", show_default=True)
@click.option("--size", type=int, help="Size of the faces in the records.  [default: the preset's]")
def main(records: Path, compression: str, preset: str, size: int | None) -> None:
    """Reads, augments and batches one epoch twice and reports the second time."""
    from tfafsr import Detector

    config = TrainConfig((str(records),), (compression,), preset, DetectorOptions(size=size))
    model = Detector.from_preset(preset, **config.detector.given())
    _, batch = data.steps_per_epoch(config)
    for epoch in range(2):
        started = time.perf_counter()
        count = sum(1 for _ in data.training_epoch(config, model, epoch))
        seconds = time.perf_counter() - started
    reading = count * batch / seconds
    training = 1e3 / milliseconds_an_image(preset, batch, "float32", 5)
    click.echo(f"reading: {reading:.0f} examples/s ({count} batches of {batch})")
    click.echo(f"train step, {preset}: {training:.0f} images/s")
    click.echo(f"reading / train step: {reading / training:.1f}")


if __name__ == "__main__":
    main()
