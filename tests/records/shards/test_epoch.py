"""The order of an epoch: it depends on the arguments alone, classes are balanced, and workers read equal shares."""

import dataclasses
import shutil
from collections import Counter

import pytest

from records.errors import DataError
from records.shards import reader
from records.shards.epoch import Share, _cut, read_training
from records.shards.manifest import Manifest
from records.shards.reader import ShardPart

FIELDS = ("video", "frame_index", "label", "method")


def names(dataset):
    return [(fields["video"].decode(), int(fields["frame_index"])) for fields in dataset.as_numpy_iterator()]


def epoch(folders, number, **options):
    return read_training(folders, seed=5, epoch=number, fields=FIELDS, **options)


def test_an_epoch_is_a_pure_function_of_seed_and_epoch(made_records):
    first = names(epoch(made_records, 0))
    assert names(epoch(made_records, 1)) != first  # whatever was read in between
    assert names(epoch(made_records, 0)) == first
    assert names(read_training(made_records, seed=6, epoch=0, fields=FIELDS)) != first


def test_balanced_real_and_manipulated_alternate_and_methods_take_turns(made_records):
    fields = list(epoch(made_records, 3).as_numpy_iterator())
    assert len(fields) == 36  # as many as the split holds: 12 real, 24 manipulated
    assert [int(face["label"]) for face in fields] == [0, 1] * 18
    assert Counter(face["method"] for face in fields) == {b"real": 18, b"Deepfakes": 9, b"FaceSwap": 9}
    # 18 real faces from 12: all of them once, then six a second time.
    reals = [(face["video"], int(face["frame_index"])) for face in fields if face["label"] == 0]
    assert len(set(reals[:12])) == 12


def test_unbalanced_every_example_comes_once(made_records):
    read = names(epoch(made_records, 0, balanced=False))
    assert len(read) == len(set(read)) == 36
    assert read != names(reader.read(made_records, "train", "c40", fields=FIELDS))


def test_several_folders_are_read_together(made_records, write_records, tmp_path):
    other = write_records(tmp_path / "other", dataset="other")
    read = names(epoch([made_records, other], 0, balanced=False))
    assert len(set(read)) == 72
    assert reader.count([made_records, other], "train", "c40") == 72


def test_folders_of_two_sizes_are_refused(made_records, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(made_records, other)
    manifest = Manifest.load(other)
    manifest.size = 96
    manifest.save(other)
    with pytest.raises(DataError, match=r"different sizes, \[64, 96\]"):
        epoch([made_records, other], 0)


def test_a_split_of_one_class_cannot_be_balanced(made_records, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(made_records, other)
    manifest = Manifest.load(other)
    del manifest.counts["train"]["c40"]["real"]
    manifest.save(other)
    with pytest.raises(DataError, match="holds no real faces"):
        epoch(other, 0)


@pytest.mark.parametrize("balanced", [True, False])
@pytest.mark.parametrize("shares", [2, 4])
def test_the_epoch_is_the_same_for_every_number_of_workers(made_records, shares, balanced):
    """Of each global batch of eight, each of two workers reads four, and together they read what one reads alone."""
    whole = names(epoch(made_records, 1, share=Share(shares), balanced=balanced))
    parts = [names(epoch(made_records, 1, share=Share(shares, worker, 2), balanced=balanced)) for worker in range(2)]
    assert len(whole) == 36
    for batch in range(4):
        together = [face for part in parts for face in part[4 * batch : 4 * batch + 4]]
        assert Counter(together) == Counter(whole[8 * batch : 8 * batch + 8])
    pair, share = 2 if balanced else 1, Share(shares, 1, 2)
    for index, face in enumerate(parts[1]):  # which is how the random changes of a face are found
        assert whole[share.position(index // pair) * pair + index % pair] == face


@pytest.mark.parametrize("balanced", [True, False])
def test_no_face_comes_twice_before_all_of_its_method_came(made_records, balanced):
    parts = [epoch(made_records, 2, share=Share(3, worker, 3), balanced=balanced) for worker in range(3)]
    read = [face for part in parts for face in names(part)]
    fakes = [face for face in read if "/real/" not in face[0]]
    assert len(fakes) == len(set(fakes)) == (18 if balanced else 24)
    reals = Counter(face for face in read if "/real/" in face[0])
    assert len(reals) == 12
    assert set(reals.values()) == ({1, 2} if balanced else {1})


@pytest.mark.parametrize("elements", [[7], [3, 3, 1], [1, 6], [2, 2, 2, 1], [7, 1]])
@pytest.mark.parametrize("shares", [1, 2, 3, 5])
def test_shares_are_equal_and_cover_everything_once(elements, shares):
    shards = [ShardPart(str(number), "", length) for number, length in enumerate(elements)]
    seen, sizes = [], []
    for number in range(shares):
        before = len(seen)
        for part in _cut(shards, elements, shares, number):
            every = [(part.path, index) for index in range(part.examples)]
            seen += every[part.skip :] if part.take < 0 else every[part.skip : part.skip + part.take]
        sizes.append(len(seen) - before)
    assert sorted(seen) == [(shard.path, index) for shard in shards for index in range(shard.examples)]
    assert max(sizes) - min(sizes) <= 1


def test_a_worker_opens_only_the_shards_of_its_share():
    shards = [ShardPart(str(number), "", 10) for number in range(8)]
    opened = [{part.path for part in _cut(shards, [10] * 8, 4, number)} for number in range(4)]
    assert [len(one) for one in opened] == [2, 2, 2, 2]
    assert len(set().union(*opened)) == 8


@pytest.mark.parametrize(("number", "shares", "workers"), [(1000, 16, 4), (5, 2, 2), (7, 6, 3)])
def test_workers_hold_what_they_take(number, shares, workers):
    """The elements of an epoch go to the workers in turn, and each must have as many."""
    held = [0] * workers
    for share in range(shares):
        for part in _cut([ShardPart("one", "", number)], [number], shares, share):
            held[share % workers] += part.take if part.take >= 0 else number - part.skip
    assert held == [len(range(worker, number, workers)) for worker in range(workers)]


def test_too_many_shares_are_refused_with_advice(made_records):
    with pytest.raises(DataError, match="too few faces of Deepfakes to cut them into 13 shares; give fewer --shares"):
        epoch(made_records, 0, share=Share(13))


@pytest.mark.parametrize("wrong", [{"shares": 3, "workers": 2}, {"worker": 1}, {"shares": 0}])
def test_shares_that_workers_cannot_divide_are_refused(wrong):
    with pytest.raises(ValueError, match="shares must be a multiple of workers"):
        dataclasses.replace(Share(), **wrong)
