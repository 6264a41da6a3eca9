"""Reading each example once: the order depends on the arguments alone."""

from collections import Counter

import numpy as np
import pytest

from faces import error_level_analysis
from records.errors import DataError
from records.shards import reader, schema
from records.shards.epoch import read_training

FIELDS = ("video", "frame_index", "label", "method")


def names(dataset):
    return [(fields["video"].decode(), int(fields["frame_index"])) for fields in dataset.as_numpy_iterator()]


def test_evaluation_reads_every_example_once_in_a_fixed_order(made_records):
    read = names(reader.read(made_records, "train", "c40", fields=FIELDS))
    assert len(read) == len(set(read)) == reader.count(made_records, "train", "c40") == 36
    assert read == names(reader.read(made_records, "train", "c40", fields=FIELDS))


def test_all_fields_come_with_their_static_shapes(made_records):
    spec = reader.read(made_records, "test", "c40").element_spec
    assert set(spec) == set(schema.BY_NAME)
    assert spec["frame"].shape == (64, 64, 3)


def test_each_validation_batch_holds_the_methods_in_proportion(made_records):
    """The split has 9 real faces and 9 of each of two methods, so every three in a row are one of each."""
    methods = [face["method"] for face in reader.read(made_records, "test", "c40", fields=FIELDS).as_numpy_iterator()]
    assert all(len(set(methods[start : start + 3])) == 3 for start in range(0, 27, 3))


@pytest.mark.parametrize("numbers", [[1], [3, 12], [1, 1, 1], [5, 0, 2], [100, 1, 37]])
def test_sources_are_spread_in_proportion(numbers):
    order = reader._in_proportion(numbers)
    assert np.bincount(order, minlength=len(numbers)).tolist() == numbers
    for source, number in enumerate(numbers):  # each beginning of the order holds the source's share, within one
        expected = np.arange(1, len(order) + 1) * number / len(order)
        assert np.abs(np.cumsum(order == source) - expected).max() <= 1


def test_only_the_chosen_examples_are_read(made_records):
    every = names(reader.read(made_records, "test", "c40", fields=FIELDS))
    chosen = np.arange(27) % 4 == 1
    read = names(reader.read(made_records, "test", "c40", fields=FIELDS, chosen=chosen))
    assert read == [name for name, wanted in zip(every, chosen, strict=True) if wanted]


def test_methods_can_be_chosen(made_records):
    read = names(reader.read(made_records, "test", "c40", ["real", "FaceSwap"], fields=FIELDS))
    assert {video.split("/")[1] for video, _ in read} == {"real", "FaceSwap"}


def test_methods_that_are_left_out_are_neither_read_nor_counted(made_records):
    without = {"without": ["FaceSwap", "not there"]}
    for split, dataset in (
        ("train", read_training(made_records, fields=FIELDS, **without)),
        ("train", read_training(made_records, fields=FIELDS, balanced=False, **without)),
        ("val", reader.read(made_records, "val", "c40", fields=FIELDS, **without)),
    ):
        methods = Counter(fields["method"].decode() for fields in dataset.as_numpy_iterator())
        assert set(methods) == {"real", "Deepfakes"}
        assert methods["real"] == methods["Deepfakes"]
        assert methods.total() == reader.count(made_records, split, "c40", **without)
    with pytest.raises(DataError, match="holds nothing but real in the split 'val' at c40"):
        reader.read(made_records, "val", "c40", methods=["real"], without=["real"])


def test_faces_of_another_size_than_the_model_takes_are_refused_with_advice(made_records):
    with pytest.raises(DataError, match="holds faces of 64 pixels, the model takes 128; build with --size 128"):
        reader.read(made_records, "train", "c40", size=128)


def test_faces_are_shrunk_to_a_smaller_model(made_records):
    """All images are means of areas, but for error levels, which are those of the smaller frame."""
    whole = next(reader.read(made_records, "test", "c40").as_numpy_iterator())
    small = next(reader.read(made_records, "test", "c40", size=32).as_numpy_iterator())
    for name in ("frame", "target", "mask"):
        means = whole[name].reshape(32, 2, 32, 2, -1).mean(axis=(1, 3))
        assert np.abs(small[name] - means).max() <= 0.5
    assert (small["ela"] == error_level_analysis(small["frame"])).all()
    assert all(
        np.array_equal(small[name], whole[name]) for name in schema.BY_NAME if schema.BY_NAME[name].kind != "image"
    )
    alone = next(read_training(made_records, size=32, fields=["ela"]).as_numpy_iterator())
    assert alone["ela"].shape == (32, 32, 3)


def test_an_empty_folder_is_named(tmp_path):
    with pytest.raises(DataError, match="holds no finished records"):
        reader.read(tmp_path, "train", "c40")
