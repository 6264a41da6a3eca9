"""A small network trained on crops in which the face is painted over: accuracy above chance is leakage."""

from __future__ import annotations

import numpy as np

from experiments.audit.cues import Region
from faces import crop_box, crop_square

SIZE = 80
"""Side in pixels of the crops that the network sees."""
CROP = 1.6
"""Side of the crop over the longer side of the face: larger than in the records, to show pixels around the face."""
GRAY = 128
BATCH = 64


def blanked_crop(rgb: np.ndarray, region: Region, size: int = SIZE) -> np.ndarray:
    """The square crop around the face with the face painted over in gray.

    The face is painted over before the crop is resized, so that no manipulated pixel affects the other pixels.

    Args:
        rgb: uint8 (H, W, 3).
        region: where the face is; `blank` and `box` are used.
        size: side of the crop in pixels.

    Returns:
        uint8 (size, size, 3); beyond the frame's border the border's pixels are repeated.
    """
    painted = np.where(region.blank[..., None], np.uint8(GRAY), rgb)
    return crop_square(painted, crop_box(region.box, CROP), size)


def fit_and_score(
    train: np.ndarray, labels: np.ndarray, test: np.ndarray, steps: int = 100, seed: int = 0
) -> np.ndarray:
    """Trains the network on blanked crops and scores others.

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
    network = _network(train.shape[1], seed)
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps)
    network.compile(optimizer=keras.optimizers.Adam(rate), loss=keras.losses.BinaryCrossentropy(from_logits=True))
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


def _network(size: int, seed: int) -> object:
    """Four convolutions. Every layer has its own seed, so that Keras's global seed is neither used nor changed."""
    import keras
    from keras import layers

    seeds = iter(range(1000 * seed, 1000 * seed + 100))

    def start() -> keras.initializers.Initializer:
        return keras.initializers.HeNormal(seed=next(seeds))

    image = keras.Input((size, size, 3), dtype="uint8", name="blanked")
    x = layers.Rescaling(1 / 64, offset=-GRAY / 64)(image)  # the blank is 0
    for filters, kernel, stride in ((16, 5, 2), (32, 3, 2), (48, 3, 1), (64, 3, 2)):
        x = layers.Conv2D(filters, kernel, stride, padding="same", use_bias=False, kernel_initializer=start())(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.ReLU()(x)
    x = layers.GlobalAveragePooling2D()(x)
    logit = layers.Dense(1, kernel_initializer=start(), name="logit")(x)
    return keras.Model(image, logit, name="blanked_face")
