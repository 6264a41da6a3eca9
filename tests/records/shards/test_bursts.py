"""Bursts are written together and read together, also where a frame is missing."""

import json

import numpy as np
import pytest
import tensorflow as tf

from records.errors import DataError
from records.shards import MANIFEST_FILE, Manifest, count_bursts, example_key, read, read_training, write_shards
from records.shards.bursts import grouped

FRAMES = 5
FIELDS = ("video", "frame_index", "clip_position", "label")


@pytest.fixture(scope="module")
def records(write_records, tmp_path_factory):
    return write_records(tmp_path_factory.mktemp("bursts"), burst=FRAMES)


def serialized(video, index, position):
    values = {"frame_index": index, "clip_position": position}
    features = {name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value])) for name, value in values.items()}
    features["video"] = tf.train.Feature(bytes_list=tf.train.BytesList(value=[video.encode()]))
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString()


def test_the_frames_of_a_burst_lie_one_behind_the_other_in_one_shard(tmp_path):
    frames = [
        (f"clip{clip}", start + position, position) for clip in range(6) for start in (0, 20) for position in range(3)
    ]
    order = np.random.default_rng(0).permutation(len(frames))
    items = [(example_key(*frames[index]), lambda index=index: serialized(*frames[index])) for index in order]
    for path in write_shards(items, tmp_path, "real", 4):
        stored = [record.numpy() for record in tf.data.TFRecordDataset(str(path))]
        starts = [serialized(*frame) for frame in frames if frame[2] == 0]
        assert len(stored) % 3 == 0
        for first in range(0, len(stored), 3):
            number = starts.index(stored[first])
            video, index, _ = [frame for frame in frames if frame[2] == 0][number]
            assert stored[first : first + 3] == [serialized(video, index + p, p) for p in range(3)]


def test_a_single_frame_has_the_key_that_it_always_had():
    assert example_key("ffpp/real/c40/005", 7) == "ffpp/real/c40/005#7"
    assert example_key("a+1#2", 9, 2) == "a+1#2#7+2"


def test_short_and_long_bursts():
    frames = [("a", 0, 0), ("a", 1, 1), ("b", 3, 0), ("b", 5, 2), ("b", 6, 3), ("a", 4, 0)]
    records = tf.data.Dataset.from_tensor_slices([serialized(*frame) for frame in frames])
    found = [list(burst) for burst in grouped(records, 2).as_numpy_iterator()]
    assert sorted(found) == sorted(
        [[serialized(*frame) for frame in burst] for burst in (frames[:2], frames[2:3], frames[3:5], frames[5:])]
    )


def test_every_burst_is_read_once(records):
    found = list(read(records, "test", "c40", fields=FIELDS, burst=FRAMES).as_numpy_iterator())
    clips = [name for name, clip in Manifest.load(records).clips.items() if clip.split == "test"]
    assert sorted(burst["video"][0].decode() for burst in found) == sorted(clips)
    for burst in found:
        assert len(set(burst["video"])) == 1
        assert burst["frame_index"].tolist() == burst["clip_position"].tolist() == list(range(FRAMES))
        assert burst["present"].all()


def test_a_missing_frame_is_the_one_before_it(records):
    found = list(read(records, "test", "c40", fields=("frame", "frame_index"), size=32, burst=2).as_numpy_iterator())
    assert len(found) == count_bursts(records, "test", "c40", 2) == 9 * 3
    alone = [burst for burst in found if not burst["present"].all()]
    assert len(alone) == 9
    for burst in alone:
        assert burst["present"].tolist() == [True, False]
        assert burst["frame_index"].tolist() == [4, 4]
        assert np.array_equal(burst["frame"][0], burst["frame"][1])
        assert burst["frame"].shape == (2, 32, 32, 3)


@pytest.mark.parametrize("balanced", [True, False])
def test_training_reads_as_many_bursts_as_the_examples_fill_in_an_order_of_its_own(records, balanced):
    def labels_and_videos(epoch):
        bursts = read_training(records, epoch=epoch, fields=FIELDS, balanced=balanced, burst=FRAMES)
        return [(int(burst["label"][0]), burst["video"][0]) for burst in bursts.as_numpy_iterator()]

    first = labels_and_videos(0)
    assert len(first) == 12
    assert first == labels_and_videos(0) != labels_and_videos(1)
    if balanced:
        assert [label for label, _ in first] == [0, 1] * 6


def test_records_of_shorter_bursts_are_named(records, made_records, tmp_path):
    with pytest.raises(DataError, match=r"holds bursts of 5, and the method reads 6 .* build with --burst 6"):
        read(records, "test", "c40", burst=6)
    with pytest.raises(DataError, match=r"holds bursts of 1, .* build with --burst 5"):
        read_training(made_records, burst=FRAMES)
    assert "burst" in json.loads((records / MANIFEST_FILE).read_text())["options"]
