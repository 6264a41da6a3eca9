"""Times an ONNX model; `experiments.benchmarks.inference` starts it in an environment with onnxruntime.

    PYTHON onnx_worker.py MODEL.onnx INPUTS.npz THREADS

Each line of standard input is a number of runs; each answer is a JSON list of their times in seconds. The first line of
the output says that the model is loaded.
"""

from __future__ import annotations

import json
import sys
import time

import numpy as np
import onnxruntime


def main(model: str, inputs: str, threads: str) -> None:
    """Answers until standard input ends."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = int(threads)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    with np.load(inputs) as arrays:
        feed = {one.name: arrays[one.name] for one in session.get_inputs()}
    print(json.dumps({"loaded": onnxruntime.__version__}), flush=True)
    for line in sys.stdin:
        times = []
        for _ in range(int(line)):
            started = time.perf_counter()
            session.run(["probability"], feed)
            times.append(time.perf_counter() - started)
        print(json.dumps(times), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
