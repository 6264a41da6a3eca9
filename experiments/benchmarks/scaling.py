"""Compares the speed of training on several workers with that of one process, on one machine.

python -m experiments.benchmarks.scaling --records RECORDS --preset tiny

Two workers with one thread each and one process with two threads have the same cores; with synchronised batch
statistics and triplets over all faces they compute the same. The first epoch, which traces the graph, is not counted.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import click

EPOCHS = 2


@click.command(help=__doc__)
@click.option("--records", required=True, type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--preset", default="tiny", show_default=True)
@click.option("--compression", default="c40", show_default=True)
@click.option("--steps", default=40, show_default=True, help="Steps of the epoch that is timed.")
@click.option("--batch", default=32, show_default=True, help="Faces in a step, of all workers together.")
@click.option("--rounds", default=2, show_default=True, help="Measurements of each, in turn; the best counts.")
def main(records: Path, preset: str, compression: str, steps: int, batch: int, rounds: int) -> None:
    """Trains twice, in turn, and prints the faces a second and their ratio."""
    line = f"-m tfafsr train --preset {preset} --compression {compression} --epochs {EPOCHS} --steps {steps}"
    command = [sys.executable, *line.split(), "--batch-size", str(batch), "--shares", "2", "--records", str(records)]
    best = {"1 process x 2 threads": 0.0, "2 workers x 1 thread": 0.0, "2 devices x 1 thread": 0.0}
    for _ in range(rounds):
        for name in best:
            best[name] = max(best[name], _faces_a_second(command, name))
    (alone, *_) = best.values()
    for name, speed in best.items():
        click.echo(f"{name}: {speed:.1f} faces/s, ratio {speed / alone:.2f}")


def _faces_a_second(command: list[str], name: str) -> float:
    """The speed of the training steps in the last epoch, as `tfafsr train` prints it."""
    with tempfile.TemporaryDirectory() as folder:
        command = [*command, "--out", str(Path(folder) / "run")]
        threads = "2" if "2 threads" in name else "1"
        variables = {"TF_NUM_INTRAOP_THREADS": threads, "TF_NUM_INTEROP_THREADS": threads}
        if "devices" in name:
            command += ["--strategy", "mirrored", "--devices", "2"]
        settings = [{}]
        if "workers" in name:
            command += ["--strategy", "multiworker"]
            addresses = [f"127.0.0.1:{_free_port()}" for _ in range(2)]
            cluster = {"worker": addresses}
            settings = [
                {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})}
                for index in range(2)
            ]
        processes = [
            subprocess.Popen(command, env={**os.environ, **variables, **own}, stdout=subprocess.PIPE, text=True)
            for own in settings
        ]
        said = [process.communicate()[0] for process in processes]
        if any(process.returncode for process in processes):
            raise click.ClickException(f"{' '.join(command)} failed.")
        return float(re.findall(r"(\d+) faces/s", said[0])[-1])


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


if __name__ == "__main__":
    main()
