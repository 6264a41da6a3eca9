"""Trains both networks on the faces of a data set, and lets them paint every manipulated clip."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from records.atomic import atomic_file
from records.building import in_processes
from records.forge.networks.autoencoder import autoencoder, autoencoder_batch, autoencoder_inputs
from records.forge.networks.faces import FaceCrops, crop_everybody
from records.forge.networks.guides import clip_guides
from records.forge.networks.mouth import mouth_batch, mouth_inputs, mouth_renderer
from records.forge.networks.painted import Painted, is_painted, write_painted
from records.forge.networks.training import Inputs, train_network
from records.forge.people import Faces
from records.progress import progress

if TYPE_CHECKING:
    import keras

BATCH = 16
LEAST_STEPS, MOST_STEPS = 12, 2400
STEPS_A_PERSON = {"autoencoder": 4.0, "mouth_renderer": 2.0}
"""Training steps for each person in the data set, between the limits above."""
Say = Callable[[str], None]


def paint_networks(
    faces: Faces,
    names: list[str],
    pairs: list[tuple[str, str]],
    seed: int,
    folder: Path,
    kept: Path,
    workers: int,
    say: Say,
) -> None:
    """Writes what the networks paint for both directions of every pair; see `read_painted`.

    Killed at any moment and called again, it goes on, and ends with the same files. Clips that are painted already are
    left as they are; damaged files are written again.

    Args:
        faces: source of the untouched clips.
        names: everybody in the data set; the networks are trained on all of them.
        pairs: (target, source); the two swap their faces.
        seed: seed of the networks and their batches.
        folder: folder of the painted clips, and of unfinished training.
        kept: folder of the trained weights: autoencoder.npz and mouth.npz, float32 arrays by the weights' names.
        workers: number of processes that make clips; the bytes do not depend on it.
        say: prints one line of text.

    Raises:
        DataError: a file cannot be written, for example because the disk is full.
    """
    directions = [direction for pair in pairs for direction in (pair, pair[::-1])]
    missing = [direction for direction in directions if not is_painted(folder, *direction)]
    if not missing:
        return
    crops = crop_everybody(faces, names, workers)
    swapper, renderer = _trained(crops, seed, folder, kept, say)
    numbers = {name: number for number, name in enumerate(names)}
    jobs = [(number, *_of_clip(crops, *(numbers[name] for name in names))) for number, names in enumerate(missing)]
    guided = in_processes(clip_guides, jobs, workers, tasks_a_process=len(jobs))
    for number, guides in progress(guided, len(jobs), "Painting faces"):
        target = numbers[missing[number][0]]
        pictures = crops.pictures[target]
        swapped = autoencoder_inputs(pictures, guides.persons)
        mouth = mouth_inputs(pictures, guides.textures, crops.lower_faces[target], guides.lips)
        painted = Painted(_pictures(swapper, swapped), _pictures(renderer, mouth))
        write_painted(folder, *missing[number], painted)


def training_steps(network: str, people: int) -> int:
    """The number of training steps of the network with that name, for so many people."""
    return min(max(round(STEPS_A_PERSON[network] * people), LEAST_STEPS), MOST_STEPS)


def _trained(crops: FaceCrops, seed: int, folder: Path, kept: Path, say: Say) -> list[keras.Model]:
    """Both networks after training; their weights are written to `kept`."""
    networks = []
    for build, batch, file in (
        (autoencoder, autoencoder_batch, "autoencoder.npz"),
        (mouth_renderer, mouth_batch, "mouth.npz"),
    ):
        network = build(seed)
        train_network(
            network,
            lambda rng, batch=batch: batch(crops, BATCH, rng),
            training_steps(network.name, crops.people),
            seed,
            folder / f"{network.name}.checkpoint.npz",
            say,
        )
        _save_weights(network, kept / file)
        networks.append(network)
    return networks


def _save_weights(network: keras.Model, path: Path) -> None:
    """Writes the weights by name. A .weights.h5 would also hold names that Keras makes up, so its bytes would vary."""
    with atomic_file(path) as temporary:
        np.savez(temporary, **{weight.path: weight.numpy() for weight in network.weights})


def _of_clip(crops: FaceCrops, target: int, source: int) -> tuple:
    """What `clip_guides` needs; the arrays are views, so that a long list of clips takes no memory."""
    pictures, meshes = crops.pictures, crops.meshes
    return pictures[target], meshes[target], pictures[source], meshes[source], crops.topology


def _pictures(network: keras.Model, inputs: Inputs) -> np.ndarray:
    """The network's output as uint8 pictures."""
    import tensorflow as tf

    with tf.device("/CPU:0"):
        pictures = network(inputs, training=False)
    return np.rint(255 * np.clip(pictures.numpy(), 0, 1)).astype(np.uint8)
