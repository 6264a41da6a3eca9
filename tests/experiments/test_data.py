"""Batches for training, validation and scoring."""

import dataclasses
import shutil

import keras
import numpy as np
import pytest

from experiments import data
from experiments.config import TrainConfig
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


@pytest.fixture(scope="module")
def two_qualities(write_records, tmp_path_factory):
    """Records at c40 and, in another folder, at raw."""
    folder = tmp_path_factory.mktemp("qualities")
    return tuple(str(write_records(folder / name, dataset=name, compression=name)) for name in ("c40", "raw"))


def qualities(batches):
    return [video.decode().split("/")[2] for _, y in batches for video in np.atleast_1d(y["video"].numpy())]


@pytest.fixture
def with_videos(monkeypatch):
    monkeypatch.setattr(data, "SUPERVISION", (*data.SUPERVISION, "video"))


def test_several_compressions_are_trained_and_validated_on_together(two_qualities, with_videos):
    config = TrainConfig(two_qualities, ("raw", "c40"), "tiny", batch_size=8, augment="strong", degrade=0.5)
    assert data.steps_per_epoch(config) == (9, 8)
    trained = qualities(data.training_epoch(config, a_model(), 0))
    assert {name: trained.count(name) for name in ("raw", "c40")} == pytest.approx({"raw": 36, "c40": 36}, abs=8)
    validated = qualities(data.validation(config, a_model()))
    assert {name: validated.count(name) for name in ("raw", "c40")} == {"raw": 18, "c40": 18}


def methods(batches):
    return {video.decode().split("/")[1] for _, y in batches for video in np.atleast_1d(y["video"].numpy())}


def test_left_out_fakes_are_neither_trained_nor_validated_on(two_qualities, with_videos):
    config = TrainConfig(two_qualities, ("raw", "c40"), "tiny", batch_size=8, leave_out=("FaceSwap",))
    assert data.steps_per_epoch(config) == (6, 8)  # 2 x 24 of 2 x 36 faces
    assert methods(data.training_epoch(config, a_model(), 0)) == {"real", "Deepfakes"}
    validated = data.validation(config, a_model())
    assert methods(validated) == {"real", "Deepfakes"}
    assert int(validated.cardinality()) == len(list(validated)) == 3  # 2 x 12 faces


def test_fewer_steps_take_other_faces_in_each_epoch(two_qualities, with_videos):
    config = TrainConfig(two_qualities, ("raw", "c40"), "tiny", batch_size=8, steps=2)
    assert data.steps_per_epoch(config) == (2, 8)
    faces = [
        [(*y["video"].numpy(), *y["label"].numpy()) for _, y in data.training_epoch(config, a_model(), epoch)]
        for epoch in (0, 1, 0)
    ]
    assert [len(batches) for batches in faces] == [2, 2, 2]
    assert faces[0] == faces[2] != faces[1]


def test_a_compression_that_no_folder_holds_is_refused(two_qualities):
    config = TrainConfig(two_qualities[:1], ("c23",), "tiny")
    with pytest.raises(DataError, match="c23"):
        data.validation(config, a_model())


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_a_share_of_the_fakes_is_made_from_the_real_face_before_them(two_qualities, with_videos, share, expected):
    config = TrainConfig(two_qualities, ("raw", "c40"), "tiny", batch_size=8, augment="none", self_blend=share)
    made = 0
    for x, y in data.training_epoch(config, a_model(), 0):
        videos, labels = y["video"].numpy(), y["label"].numpy()
        np.testing.assert_array_equal(labels, [0, 1] * 4)
        real, fake = x["frame"].numpy()[::2], x["frame"].numpy()[1::2]
        same = videos[::2] == videos[1::2]
        made += int(same.sum())
        assert all(b"/real/" in video for video in videos[::2])
        assert all(np.any(one != other) for one, other in zip(real[same], fake[same], strict=True))
    assert made / 36 == pytest.approx(expected, abs=0.2 if share == 0.5 else 0)


def test_self_blending_gives_the_same_faces_again_and_others_in_another_epoch(two_qualities):
    config = TrainConfig(two_qualities, ("raw", "c40"), "tiny", batch_size=8, self_blend=0.5)

    def frames(epoch):
        return np.concatenate([x["frame"].numpy() for x, _ in data.training_epoch(config, a_model(), epoch)])

    np.testing.assert_array_equal(frames(0), frames(0))
    assert not np.array_equal(frames(0), frames(1))


def test_self_blending_needs_balanced_batches(two_qualities):
    with pytest.raises(DataError, match="--self-blend needs --balanced"):
        TrainConfig(two_qualities, ("raw",), "tiny", self_blend=0.5, balanced=False)
    with pytest.raises(DataError, match="self_blend must be at most 1"):
        TrainConfig(two_qualities, ("raw",), "tiny", self_blend=1.5)


@pytest.mark.parametrize(("share", "expected"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
def test_a_share_of_the_faces_is_degraded(two_qualities, share, expected):
    def frames(degrade):
        config = TrainConfig(two_qualities, ("raw", "c40"), "tiny", batch_size=8, augment="none", degrade=degrade)
        return np.concatenate([x["frame"].numpy() for x, _ in data.training_epoch(config, a_model(), 0)])

    changed = np.any(frames(share) != frames(0.0), axis=(1, 2, 3))
    assert changed.mean() == pytest.approx(expected, abs=0.2 if share == 0.5 else 0.05)
