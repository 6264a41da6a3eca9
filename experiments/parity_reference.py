"""Second half of `make parity`: recomputes the file of experiments/parity.py with tensorflow-addons and compares.

Runs in a separate environment (requirements-tfa.txt) as `python experiments/parity_reference.py FILE.npz`, and thus
imports nothing of this project. The exit status is 1 if a value or a gradient differs by more than the limits below.
"""

from __future__ import annotations

import json
import os
import sys
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tensorflow as tf

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # tensorflow-addons warns that it is no longer maintained
    import tensorflow_addons as tfa

LOSSES = {"semi_hard": tfa.losses.TripletSemiHardLoss, "hard": tfa.losses.TripletHardLoss}
JUDGED = ("hard", "medium", "easy", "close")
VALUE_LIMIT = 1e-5
GRADIENT_LIMIT = 1e-4  # of a component; relative to the gradient's largest component if that is below 1


def main(path: str) -> int:
    """Prints the largest differences by loss and kind of batch; returns the exit status."""
    tf.get_logger().setLevel("ERROR")  # it warns of a new trace for each shape and margin
    rows: dict[tuple, list[tuple]] = {}
    shown = []
    with np.load(path, allow_pickle=False) as file:
        for index, text in enumerate(file["cases"]):
            case = json.loads(str(text))
            labels, embeddings = file[f"labels-{case['batch']}"], file[f"embeddings-{case['batch']}"]
            value, gradient = reference(labels, embeddings, case)
            ours, our_gradient = float(file[f"value-{index}"]), file[f"gradient-{index}"]
            if case["kind"] not in JUDGED:
                shown.append((case, value, ours))
                continue
            scale = np.abs(gradient).max()
            difference = np.abs(our_gradient - gradient).max()
            relative = difference / min(1.0, scale) if scale > 0 else difference
            key = (case["mining"], "normalised" if case["normalize"] else "as they are", case["kind"])
            rows.setdefault(key, []).append((value > 0, abs(ours - value), relative))
    if not rows:
        print(f"{path} holds no case to compare")
        return 1

    print(f"tensorflow {tf.__version__}, tensorflow-addons {tfa.__version__}; the largest differences")
    print(f"{'mining':<10}{'embeddings':<13}{'batches':<11}{'cases':>6}{'loss > 0':>10}{'value':>11}{'gradient':>11}")
    failed = 0
    for key, results in rows.items():
        positive, values, gradients = (np.array(column) for column in zip(*results, strict=True))
        # Written so that NaN counts as a difference.
        bad = not (values.max() <= VALUE_LIMIT and gradients.max() <= GRADIENT_LIMIT)
        failed += bad
        print(
            f"{key[0]:<10}{key[1]:<13}{key[2]:<11}{len(results):>6}{int(positive.sum()):>10}"
            f"{values.max():>11.1e}{gradients.max():>11.1e}{'  DIFFERS' if bad else ''}"
        )
    print("Departures on purpose (value there, value here):")
    for case, value, ours in shown:
        if case["normalize"]:
            print(f"  {case['mining']:<10}{case['kind']:<14}margin {case['margin']}: {value:9.5f} {ours:9.5f}")
    print("FAILED" if failed else f"OK: values within {VALUE_LIMIT:g}, gradients within {GRADIENT_LIMIT:g}")
    return 1 if failed else 0


def reference(labels: np.ndarray, embeddings: np.ndarray, case: dict) -> tuple[float, np.ndarray]:
    """Value and gradient with respect to the embeddings, by tensorflow-addons."""
    loss = LOSSES[case["mining"]](margin=case["margin"])
    tensor = tf.constant(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        normalised = tf.math.l2_normalize(tensor, axis=1) if case["normalize"] else tensor
        value = loss(tf.constant(labels), normalised)
    return float(value), tape.gradient(value, tensor).numpy()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("Usage: python experiments/parity_reference.py FILE.npz")
    sys.exit(main(sys.argv[1]))
