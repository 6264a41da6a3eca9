"""The faces of records for an export: labelled, of known people, and the same every time."""

import numpy as np
import pytest

from experiments.exported_faces import faces_of_split, representative_faces
from records.errors import DataError
from tfafsr import Detector


def test_labels_and_connected_people_are_those_of_the_records(made_records):
    detector = Detector(size=64, width=4, blocks=1, output="residual")
    batches = list(faces_of_split(detector, made_records, "test", "c40"))
    labels = np.concatenate([batch.labels for batch in batches])
    groups = np.concatenate([batch.groups for batch in batches])
    assert (len(labels), labels.sum()) == (27, 18)
    assert sorted(set(groups)) == [0, 1, 2]
    assert batches[0].frame.dtype == np.uint8
    assert batches[0].keypoints.shape[1:] == (5, 2)


def test_representative_faces_are_the_same_every_time(made_records):
    first, second = (representative_faces(made_records, "c40", "train", 64, 6) for _ in range(2))
    assert [batch["frame"].shape for batch in first] == [(1, 64, 64, 3)] * 6
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one["frame"], other["frame"])
        np.testing.assert_array_equal(one["keypoints"], other["keypoints"])
    with pytest.raises(DataError, match="64 pixels, the model takes 96"):
        representative_faces(made_records, "c40", "train", 96, 6)
