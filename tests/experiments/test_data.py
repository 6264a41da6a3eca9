"""Batches for scoring."""

import dataclasses
import shutil

import keras
import pytest

from experiments import data
from records.errors import DataError
from records.shards import Manifest


def a_model():
    frame = keras.Input((64, 64, 3), name="frame", dtype="uint8")
    return keras.Model({"frame": frame}, frame)


def test_every_face_comes_once(made_records):
    videos = [
        video for _, fields in data.scoring_batches(made_records, "val", "c40", a_model()) for video in fields["video"]
    ]
    assert len(videos) == 18
    assert len(set(videos)) == 6


def test_a_face_of_a_video_that_the_manifest_does_not_list_is_named(made_records, tmp_path):
    folder = shutil.copytree(made_records, tmp_path / "records")
    manifest = Manifest.load(folder)
    manifest.clips["made/real/c40/other"] = manifest.clips.pop("made/real/c40/004")
    dataclasses.replace(manifest).save(folder)
    with pytest.raises(DataError, match="holds faces of made/real/c40/004 in the split 'val', which its manifest does"):
        list(data.scoring_batches(folder, "val", "c40", a_model()))
