"""First half of `make parity`: writes batches, our triplet losses and their gradients into an .npz file.

    python -m experiments.parity export FILE.npz            # this environment
    .venv-tfa/bin/python experiments/parity_reference.py FILE.npz

tensorflow-addons needs Keras 2 and this project Keras 3, so no process can import both. `make parity` runs the two
halves, each in its own environment, and fails if their values differ. Keys of the file: `cases`, one JSON object a case
(mining, margin, normalize, batch, kind), and `labels-<batch>`, `embeddings-<batch>`, `value-<case>`, `gradient-<case>`.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np
import tensorflow as tf

from tfafsr.losses import triplet_hard_loss, triplet_semihard_loss

LOSSES = {"semi_hard": triplet_semihard_loss, "hard": triplet_hard_loss}
# Distance and spread of the two classes around a vector of length 1: mixed, half separated, separated, close together.
# For closer points tensorflow-addons is wrong by 1e-4, because |a|^2 + |b|^2 - 2ab cancels (our error is below 2e-7).
KINDS = {"hard": (0.0, 1.0), "medium": (1.0, 1.0), "easy": (2.0, 0.5), "close": (0.1, 0.2)}
SIZES, DIMS, FAKES, MARGINS = (4, 10, 24, 48), (8, 32, 128), (0.2, 0.5, 0.8), (0.2, 0.5, 1.0)
# Batches on which our losses differ from tensorflow-addons on purpose: name -> labels. They are printed, not compared.
DEPARTURES = {"batch of one": [0], "one class": [1, 1, 1, 1], "class of one": [0, 1, 1, 1]}
LARGEST = {"close": 10}  # batch size; a larger batch of this kind always has a near tie
NEAR_TIE = 1.5e-6
DRAWS = 10_000


@click.group()
def main() -> None:
    """Compare the triplet losses with tensorflow-addons."""


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True)
def export(file: Path, seed: int) -> None:
    """Write batches with the values and gradients of our losses to FILE."""
    batches = [*draw_batches(seed), *departures(seed)]
    arrays, cases = evaluate(batches)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("wb") as out:
        np.savez(out, cases=np.array([json.dumps(case) for case in cases]), **arrays)
    click.echo(f"{len(cases)} cases on {len(batches)} batches: {file}")


def draw_batches(seed: int, sizes=SIZES, dims=DIMS, fakes=FAKES) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Two-class batches of every kind, with at least two examples of each class.

    Yields:
        kind, labels int64 (B,), embeddings float32 (B, C).
    """
    rng = np.random.default_rng(seed)
    for kind, size, dim, share in itertools.product(KINDS, sizes, dims, fakes):
        if size > LARGEST.get(kind, size):
            continue
        count = int(np.clip(round(share * size), 2, size - 2))
        labels = rng.permutation(np.arange(size) < count).astype(np.int64)
        draws = (_draw(rng, kind, labels, dim) for _ in range(DRAWS))
        yield kind, labels, next(embeddings for embeddings in draws if not _near_tie(embeddings))


def departures(seed: int) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Batches on which our losses differ from tensorflow-addons on purpose, as `draw_batches` yields them."""
    rng = np.random.default_rng(seed)
    for name, labels in DEPARTURES.items():
        yield name, np.array(labels, np.int64), rng.normal(size=(len(labels), 8)).astype(np.float32)


def evaluate(batches: list[tuple[str, np.ndarray, np.ndarray]]) -> tuple[dict[str, np.ndarray], list[dict]]:
    """Values and gradients of both losses, normalised and not, on each batch.

    Returns:
        The arrays and the cases of the file.
    """
    arrays, cases = {}, []
    for index, (kind, labels, embeddings) in enumerate(batches):
        arrays[f"labels-{index}"], arrays[f"embeddings-{index}"] = labels, embeddings
        for mining, normalize in itertools.product(LOSSES, (True, False)):
            margin = MARGINS[index % len(MARGINS)]
            value, gradient = _value_and_gradient(labels, embeddings, mining, margin, normalize)
            arrays[f"value-{len(cases)}"], arrays[f"gradient-{len(cases)}"] = value.numpy(), gradient.numpy()
            cases.append({"mining": mining, "margin": margin, "normalize": normalize, "batch": index, "kind": kind})
    return arrays, cases


def _value_and_gradient(labels, embeddings, mining: str, margin: float, normalize: bool) -> tuple[tf.Tensor, tf.Tensor]:
    embeddings = tf.constant(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = LOSSES[mining](tf.constant(labels), embeddings, margin, normalize)
    return value, tape.gradient(value, embeddings)


def _draw(rng: np.random.Generator, kind: str, labels: np.ndarray, dim: int) -> np.ndarray:
    apart, spread = KINDS[kind]
    base, direction = np.zeros(dim), rng.normal(size=dim)
    base[0] = 1.0
    noise = spread * rng.normal(size=(len(labels), dim)) / np.sqrt(dim)
    return (base + apart * np.outer(labels - 0.5, direction / np.linalg.norm(direction)) + noise).astype(np.float32)


def _near_tie(embeddings: np.ndarray) -> bool:
    """Whether two examples have the same distance from a third one, up to float32's rounding, normalised or not.

    Rounding then decides which of the two is mined, so two correct programs may give different losses.
    """
    vectors = embeddings.astype(np.float64)
    for each in (vectors, vectors / np.linalg.norm(vectors, axis=1, keepdims=True)):
        squares = np.sum(each**2, axis=1)
        distances = np.sqrt(np.maximum(squares[:, None] + squares[None, :] - 2 * each @ each.T, 0))
        if np.diff(np.sort(distances, axis=1)[:, 1:], axis=1).min() < NEAR_TIE:  # without the distance to itself
            return True
    return False


if __name__ == "__main__":
    main()
