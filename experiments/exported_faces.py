"""Reads faces for exports from records: for the calibration of int8, and for comparisons with the Keras model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from experiments import data, frame_scores, scoring
from records import shards
from records.progress import progress
from savedmodel_export import LabelledFaces
from tfafsr import Classifier


def representative_faces(
    records: Path, compression: str, split: str, size: int, count: int
) -> list[dict[str, np.ndarray]]:
    """Faces on which the activations of int8 are measured, half real and half manipulated, the same in every call.

    Returns:
        At most `count` batches of one face: `frame` uint8 (1, S, S, 3), `keypoints` float32 (1, 5, 2).

    Raises:
        DataError: no such records, split or compression; their faces are not `size` pixels wide.
    """
    faces = shards.read_training(
        records, split, [compression], size=size, fields=("frame", "keypoints"), shuffle_buffer=4 * count
    )
    with shards.naming_the_shard(records):
        return list(faces.take(count).batch(1).as_numpy_iterator())


def faces_of_split(detector: Classifier, records: Path, split: str, compression: str) -> Iterator[LabelledFaces]:
    """Every face of a split at a compression, in batches, with labels and connected people.

    Raises:
        DataError: no such records, split or compression.
    """
    clips = shards.Manifest.load(records).clips
    component_of = scoring.connected(
        {
            video: clip.subjects
            for video, clip in clips.items()
            if (clip.split, clip.compression) == (split, compression)
        }
    )
    network = detector if data.burst_of(detector) == 1 else detector.deployed()  # what is exported reads single faces
    batches = data.scoring_batches(records, split, compression, network, frame_scores.BATCH, extra=("keypoints",))
    total = -(-shards.count(records, split, compression) // frame_scores.BATCH)
    for inputs, fields in progress(batches, total, f"comparing on {split} {compression}"):
        components = np.array([component_of[video.decode()] for video in fields["video"]])
        yield LabelledFaces(inputs["frame"], {**inputs, **fields}["keypoints"], fields["label"], components)
