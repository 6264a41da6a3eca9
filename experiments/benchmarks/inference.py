"""Compares the speed of every exported form of a detector with the Keras model and ONNX Runtime.

    python -m experiments.benchmarks.inference --preset small --preset paper --batch 1 --batch 16 --onnx PYTHON

PYTHON is the interpreter of a separate environment with tensorflow, tf2onnx and onnxruntime, where the same network,
with ELA and heat maps, is converted and run by ONNX Runtime in float32. Forms take turns in rounds, so that other load
on the machine affects all of them; the median is printed. Weights are random, which has no effect on the speed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import keras
import numpy as np
import tensorflow as tf

from savedmodel_export import export_saved_model, export_tflite, load_saved_model, open_exported
from tfafsr import Detector

WORKER = Path(__file__).with_name("onnx_worker.py")
ROUND_SECONDS = 0.3  # seconds of one form in one round
QUANTIZE = {"none": "LiteRT float32", "dynamic": "LiteRT dynamic range", "int8": "LiteRT int8"}
KERAS, ONNX = "Keras call", "ONNX Runtime float32"

Timer = Callable[[int], list[float]]
"""Runs a form the given number of times and returns the seconds of each run."""


def faces(size: int, batch: int, seed: int = 0) -> dict[str, np.ndarray]:
    """A batch of smooth noise with typical key points of a face."""
    rng = np.random.default_rng(seed)
    coarse = tf.image.resize(rng.uniform(0, 255, (batch, 16, 16, 3)), (size, size)).numpy()
    usual = np.array([[0.35, 0.4], [0.65, 0.4], [0.5, 0.55], [0.38, 0.72], [0.62, 0.72]], np.float32)
    keypoints = np.clip(usual + rng.normal(0, 0.02, (batch, 5, 2)), 0, 1).astype(np.float32)
    return {"frame": coarse.astype(np.uint8), "keypoints": keypoints}


def timer(call: Callable[[], object]) -> Timer:
    """Times a Python callable."""

    def run(count: int) -> list[float]:
        times = []
        for _ in range(count):
            started = time.perf_counter()
            call()
            times.append(time.perf_counter() - started)
        return times

    return run


def onnx(python: str, deployed: keras.Model, x: dict[str, np.ndarray], threads: int, folder: Path) -> Timer:
    """Times the deployed network, converted to ONNX, in another environment."""
    model, inputs = folder / "model.onnx", folder / "inputs.npz"
    if not model.exists():
        bare = folder / "bare"
        deployed.export(bare, verbose=False)  # without checks and batching, which ONNX does not support
        command = [python, "-m", "tf2onnx.convert", "--saved-model", str(bare), "--output", str(model)]
        command += ["--opset", "18"]
        converted = subprocess.run(command, capture_output=True, text=True)
        if converted.returncode:
            raise click.ClickException(f"`{' '.join(command)}` failed:\n{converted.stderr[-2000:]}")
    np.savez(inputs, **x)
    process = subprocess.Popen(
        [python, str(WORKER), str(model), str(inputs), str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    json.loads(process.stdout.readline())

    def run(count: int) -> list[float]:
        process.stdin.write(f"{count}\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    return run


def forms(
    detector: Detector, batch: int, threads: int, python: str | None, folder: Path
) -> Iterator[tuple[str, Timer]]:
    """Yields every form of one detector at one batch size with its timer; exported forms are written to `folder`.

    The time of the int8 form includes its error levels and heat maps, which a device computes outside of the network.
    """
    x = faces(detector.options["size"], batch)
    tensors = {name: tf.constant(value) for name, value in x.items()}
    deployed = detector.deployed()
    yield KERAS, timer(lambda: deployed(tensors, training=False)["probability"].numpy())
    graph = tf.function(deployed)
    yield "Keras in a graph", timer(lambda: graph(tensors, training=False)["probability"].numpy())
    served, _ = load_saved_model(folder / "tfafsr")
    # Goes through `model` on purpose: the variables of a signature are freed with the model.
    yield "SavedModel", timer(lambda: served.signatures["serving_default"](**tensors)["probability"].numpy())
    compiled = tf.function(served.detect, jit_compile=True)
    yield "SavedModel, XLA", timer(lambda model=served: compiled(**tensors)["probability"].numpy())
    for quantize, name in QUANTIZE.items():
        detect = open_exported(folder / f"{quantize}.tflite", threads).detect
        yield name, timer(lambda detect=detect: detect(x["frame"], x["keypoints"]))
    if python:
        yield ONNX, onnx(python, deployed, x, threads, folder)


def measure(ready: dict[str, Timer], rounds: int) -> dict[str, float]:
    """Median seconds a call of each form; they take turns."""
    repeats = {name: max(1, round(ROUND_SECONDS / min(run(2)))) for name, run in ready.items()}  # also the warm-up
    times: dict[str, list[float]] = {name: [] for name in ready}
    for _ in range(rounds):
        for name, run in ready.items():
            times[name] += run(repeats[name])
    return {name: float(np.median(values)) for name, values in times.items()}


@click.command(help=__doc__)
@click.option("--preset", "presets", multiple=True, default=("small",), show_default=True)
@click.option("--batch", "batches", multiple=True, type=click.IntRange(1), default=(1, 16), show_default=True)
@click.option("--threads", default=2, show_default=True)
@click.option("--rounds", default=5, show_default=True)
@click.option("--onnx", "python", help="Interpreter of an environment with tensorflow, tf2onnx and onnxruntime.")
def main(presets: tuple[str, ...], batches: tuple[int, ...], threads: int, rounds: int, python: str | None) -> None:
    """Prints milliseconds an image and ratios for each preset and batch size."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    for preset in presets:
        keras.utils.set_random_seed(0)
        detector = Detector.from_preset(preset)
        folder = Path(tempfile.mkdtemp(prefix="inference-"))
        export_saved_model(detector, folder / "tfafsr")
        size = detector.options["size"]
        representative = [faces(size, 1, seed) for seed in range(16)]
        for quantize in QUANTIZE:
            export_tflite(detector, folder / f"{quantize}.tflite", quantize, representative)
        for batch in batches:
            found = measure(dict(forms(detector, batch, threads, python, folder)), rounds)
            click.echo(f"preset {preset} ({size} pixels), batch {batch}, {threads} threads")
            for name, seconds in found.items():
                ratios = [
                    f"{found[base] / seconds:.2f}x as fast as {base}"
                    for base in (KERAS, ONNX)
                    if base in found and base != name
                ]
                click.echo(f"  {name:<22}{seconds / batch * 1e3:8.2f} ms an image   {', '.join(ratios)}")
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
