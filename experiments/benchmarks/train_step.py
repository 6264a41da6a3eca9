"""Compares the speed of Detector's train step in float32 and mixed_bfloat16, and optionally in PyTorch.

    python -m experiments.benchmarks.train_step --preset paper --batch 16
    python -m experiments.benchmarks.train_step --torch "TORCH_PYTHON torch_twin.py --bf16"

The command after --torch runs the same network in PyTorch, in a separate environment, and prints lines such as
`torch train b=16: 300.0 ms/img` and `torch train bf16 b=16: 124.0 ms/img`.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import time

import click
import numpy as np

DTYPES = ("float32", "mixed_bfloat16")
TORCH_LINES = {"float32": r"torch train b=\d+: ([\d.]+)", "mixed_bfloat16": r"torch train bf16 b=\d+: ([\d.]+)"}


def milliseconds_an_image(preset: str, batch: int, dtype: str, steps: int) -> float:
    """Median time of one train step, divided by the batch size; the first two steps are not counted."""
    import keras

    from tfafsr import Detector

    keras.utils.set_random_seed(0)
    model = Detector.from_preset(preset, dtype=dtype)
    model.compile(optimizer=keras.optimizers.Adam(1e-4))
    x, y = random_batch(model, batch)
    times = []
    for _ in range(steps + 2):
        started = time.perf_counter()
        model.train_on_batch(x, y)
        times.append(time.perf_counter() - started)
    return float(np.median(times[2:]) / batch * 1e3)


def random_batch(model, batch: int) -> tuple[dict, dict]:
    """One batch of noise with the shapes and dtypes of the records' fields, half of it labelled manipulated."""
    rng = np.random.default_rng(0)
    size = model.input["frame"].shape[1]

    def image(channels: int = 3) -> np.ndarray:
        return rng.integers(0, 256, (batch, size, size, channels), dtype=np.uint8)

    x = {"frame": image(), "keypoints": rng.uniform(0.2, 0.8, (batch, 5, 2)).astype(np.float32)}
    if "ela" in model.input:
        x["ela"] = image()
    ones = np.ones(batch, np.int64)
    mask = np.where(image(1) > 127, 255, 0).astype(np.uint8)
    return x, {"label": np.arange(batch) % 2, "target": image(), "target_known": ones, "mask": mask, "mask_known": ones}


@click.command(help=__doc__)
@click.option("--preset", default="paper", show_default=True)
@click.option("--batch", default=16, show_default=True)
@click.option("--steps", default=5, show_default=True, help="Counted steps; the median is reported.")
@click.option("--torch", "torch_command", help="Command that times the PyTorch twin.")
@click.option("--only", type=click.Choice(DTYPES), hidden=True)
def main(preset: str, batch: int, steps: int, torch_command: str | None, only: str | None) -> None:
    """Measures each dtype in a new process, one after the other."""
    if only:
        click.echo(f"{milliseconds_an_image(preset, batch, only, steps):.2f}")
        return
    ours = {}
    for dtype in DTYPES:
        command = [sys.executable, "-m", __spec__.name, "--preset", preset, "--batch", str(batch)]
        command += ["--steps", str(steps), "--only", dtype]
        output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        ours[dtype] = float(output.split()[-1])
        click.echo(
            f"tfafsr {preset}, batch {batch}, {dtype}: {ours[dtype]:.1f} ms an image, {1e3 / ours[dtype]:.1f} images/s"
        )
    click.echo(f"float32 / mixed_bfloat16: {ours['float32'] / ours['mixed_bfloat16']:.2f}")
    if torch_command:
        output = subprocess.run(shlex.split(torch_command), check=False, stdout=subprocess.PIPE, text=True).stdout
        for dtype, pattern in TORCH_LINES.items():
            if found := re.search(pattern, output):
                click.echo(
                    f"PyTorch {dtype}: {found[1]} ms an image; PyTorch / tfafsr: {float(found[1]) / ours[dtype]:.2f}"
                )


if __name__ == "__main__":
    main()
