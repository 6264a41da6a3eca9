"""Measures the latency of exported detectors and of the Keras model with a given number of threads."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import numpy as np
import tensorflow as tf

from savedmodel_export.exported import Detect, open_exported
from tfafsr import SCORES, Classifier, load_detector

ROUNDS = 5
ROUND_SECONDS = 0.1  # seconds, at least, that one model runs in one round


def latencies(file: Path, models: Sequence[Path], threads: int) -> list[float]:
    """Median milliseconds a face at batch 1: first of the Keras model, then of each exported one.

    TensorFlow's number of threads cannot change within a process, so a new process measures. The models take turns in
    rounds, so that other load on the machine affects all of them. The faces are noise, which takes as long as any face.

    Args:
        file: the `.keras` file of the detector.
        models: paths of its exports, as `open_exported` takes them.
        threads: threads that one model may use, at least 1.

    Raises:
        DataError: a model cannot be opened.
    """
    # spawn, because a forked process cannot use the TensorFlow that its parent has loaded: threads do not survive.
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_measure, file, list(models), threads).result()


def keras_detect(detector: Classifier) -> Detect:
    """The Keras model as a graph, as `tfafsr evaluate` runs it."""
    deployed = detector.deployed()

    def scores(fields: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        outputs = deployed({name: fields[name] for name in deployed.input}, training=False)
        return {name: outputs[name] for name in SCORES}

    call = tf.function(scores, reduce_retracing=True)

    def detect(frame: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        outputs = call({"frame": tf.constant(frame), "keypoints": tf.constant(keypoints)})
        return {name: value.numpy()[:, 0] for name, value in outputs.items()}

    return detect


def _measure(file: Path, models: list[Path], threads: int) -> list[float]:
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    detector = load_detector(file)
    size = detector.options["size"]
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (1, size, size, 3), dtype=np.uint8)
    keypoints = rng.uniform(0.3, 0.7, (1, 5, 2)).astype(np.float32)
    calls = [keras_detect(detector), *(open_exported(path, threads).detect for path in models)]
    repeats = []
    for call in calls:
        call(frame, keypoints)  # tracing and warm-up
        repeats.append(max(1, round(ROUND_SECONDS / _seconds(call, frame, keypoints))))
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(ROUNDS):
        for call, count, found in zip(calls, repeats, times, strict=True):
            found += [_seconds(call, frame, keypoints) for _ in range(count)]
    return [float(np.median(found)) * 1e3 for found in times]


def _seconds(call: Detect, frame: np.ndarray, keypoints: np.ndarray) -> float:
    started = time.perf_counter()
    call(frame, keypoints)
    return time.perf_counter() - started
