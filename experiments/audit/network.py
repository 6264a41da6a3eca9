"""A small network that is trained to tell crops of fake clips from real ones, and scores people it never saw."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

BATCH = 64
FOLDS = 3
SMALL = 32
"""Crops with fewer pixels a side are not shrunk by the first convolution."""


def cross_validated(
    crops: Sequence[np.ndarray], labels: np.ndarray, people: Sequence[int], steps: int, seed: int
) -> np.ndarray:
    """The mean score of each clip by a network that was trained without its people.

    Components of people are divided into folds, and each fold is scored by a network trained on the others. As all are
    tested, the interval is several times narrower than with a separate test split. Scores are standardised within a
    fold, because the scales of two networks differ.

    Args:
        crops: uint8 (frames, size, size, 3) for each of n clips.
        labels: (n,) 1 for fake, 0 for real.
        people: (n,) the component of connected people of each clip, at least two.
        steps, seed: as in `fit_and_score`.

    Returns:
        float64 (n,); higher = more likely fake.
    """
    named, member = np.unique(people, return_inverse=True)
    counts = np.array([len(frames) for frames in crops])
    folds = (np.random.default_rng(seed).permutation(len(named)) % FOLDS)[member]
    scores = np.zeros(len(labels))
    for fold in range(min(FOLDS, len(named))):
        learnt, tested = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        found = fit_and_score(
            np.concatenate([crops[i] for i in learnt]),
            np.repeat(labels[learnt], counts[learnt]),
            np.concatenate([crops[i] for i in tested]),
            steps=steps,
            seed=seed + fold,
        )
        means = np.array([part.mean() for part in np.split(found, np.cumsum(counts[tested])[:-1])])
        scores[tested] = (means - means.mean()) / max(means.std(), 1e-9)
    return scores


def fit_and_score(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, steps: int = 100, seed: int = 0
) -> np.ndarray:
    """Trains the network on crops and scores others.

    Every batch is half real, half fake. The number of steps is fixed: to choose the best step would bias the AUC.

    Args:
        train: uint8 (n, size, size, 3).
        labels: (n,) 1 for fake, 0 for real; both occur.
        test: uint8 (m, size, size, 3), of other people.
        steps: batches to train on.
        seed: seed of weights, batches and flips; the same seed gives the same scores on one machine.

    Returns:
        Logits, float64 (m,); higher = more likely fake.
    """
    import keras

    rng = np.random.default_rng(seed)
    network = _compiled(train.shape[1], steps)
    network.set_weights(_network(train.shape[1], seed).get_weights())
    for variable in network.optimizer.variables:
        variable.assign(keras.ops.zeros_like(variable))
    classes = [np.flatnonzero(np.asarray(labels) == label) for label in (0, 1)]
    known = np.repeat(np.float32((0, 1)), BATCH // 2)[:, None]
    for _ in range(steps):
        crops = train[np.concatenate([rng.choice(members, BATCH // 2) for members in classes])]
        flipped = rng.random(BATCH) < 0.5
        crops[flipped] = crops[flipped, :, ::-1]
        network.train_on_batch(crops, known)
    logits = [
        network(part, training=False).numpy() + network(part[:, :, ::-1], training=False).numpy()
        for part in np.array_split(test, -(-len(test) // 256))
    ]
    return np.concatenate(logits)[:, 0].astype(np.float64) / 2


@functools.lru_cache(maxsize=2)
def _compiled(size: int, steps: int) -> object:
    """A network that is trained again for each fold: to trace its training step takes longer than a short training."""
    import keras

    network = _network(size, 0)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    network.compile(optimizer=keras.optimizers.Adam(rate), loss=keras.losses.BinaryCrossentropy(from_logits=True))
    return network


def _network(size: int, seed: int) -> object:
    """Four convolutions. Every layer has its own seed, so that Keras's global seed is neither used nor changed."""
    import keras
    from keras import layers

    seeds = iter(range(1000 * seed, 1000 * seed + 100))

    def start() -> keras.initializers.Initializer:
        return keras.initializers.HeNormal(seed=next(seeds))

    image = keras.Input((size, size, 3), dtype="uint8", name="crop")
    x = layers.Rescaling(1 / 64, offset=-2)(image)  # middle gray is 0
    for filters, kernel, stride in ((16, 5, 1 if size < SMALL else 2), (32, 3, 2), (48, 3, 1), (64, 3, 2)):
        x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, kernel_initializer=start())(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    logit = layers.Dense(1, kernel_initializer=start(), name="logit")(x)
    return keras.Model(image, logit, name="probe")
