"""Drawn splits: no person in two of them, FaceForensics++'s shares, and the same splits for the same seed."""

import itertools
import random

import pytest

from records.errors import DataError
from records.sources.splits import SHARES, components, draw

PEOPLE = [f"p{number:03d}" for number in range(100)]


def sizes(split_of):
    return {split: sum(value == split for value in split_of.values()) for split in SHARES}


def test_people_who_share_no_clip_are_split_in_faceforensics_shares():
    assert sizes(draw(PEOPLE)) == {"train": 72, "val": 14, "test": 14}
    assert list(draw(PEOPLE)) != sorted(draw(PEOPLE))  # they are grouped by split


def test_the_same_seed_gives_the_same_split_for_people_in_any_order():
    pairs = list(itertools.pairwise(PEOPLE[:40:2]))[::3]
    expected = draw(PEOPLE, pairs, seed=5)
    shuffled, turned = PEOPLE[:], [pair[::-1] for pair in pairs]
    random.Random(1).shuffle(shuffled)
    random.Random(2).shuffle(turned)
    assert draw(shuffled, turned, seed=5) == expected
    assert draw(PEOPLE, pairs, seed=6) != expected


@pytest.mark.parametrize("seed", range(20))
def test_people_of_one_clip_are_in_one_split(seed):
    rng = random.Random(seed)
    clips = [rng.sample(PEOPLE, rng.choice([1, 2, 2, 3])) for _ in range(30)]
    split_of = draw(PEOPLE, clips, seed)
    assert all(len({split_of[person] for person in clip}) == 1 for clip in clips)
    assert split_of.keys() == set(PEOPLE)
    counts = sizes(split_of)
    assert min(counts.values()) >= 5
    assert counts["train"] == max(counts.values())


def test_timits_32_people_in_16_pairs():
    people = PEOPLE[:32]
    pairs = [(a, b) for x, y in zip(people[::2], people[1::2], strict=True) for a, b in ((x, y), (y, x))]
    assert sizes(draw(people, pairs)) == {"train": 24, "val": 4, "test": 4}


def test_one_large_component_does_not_leave_a_split_empty():
    counts = sizes(draw(PEOPLE[:12], [PEOPLE[:10]]))
    assert counts == {"train": 10, "val": 1, "test": 1}


def test_if_all_people_share_clips_they_are_assigned_one_by_one():
    """Then a clip of people in two splits belongs to neither; the sources leave it out."""
    ring = [*itertools.pairwise(PEOPLE[:28]), (PEOPLE[27], PEOPLE[0])]
    split_of = draw(PEOPLE[:28], ring)
    assert sizes(split_of) == {"train": 20, "val": 4, "test": 4}
    assert any(split_of[a] != split_of[b] for a, b in ring)


def test_people_who_are_named_only_in_clips_are_assigned_too():
    assert draw(["a"], [("b", "c"), ("d",), ("e", "e")]).keys() == set("abcde")


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_people_are_refused(count):
    with pytest.raises(DataError, match=f"{count} people cannot be put into train, val, test; at least three"):
        draw(PEOPLE[:count])


def test_components_are_sorted_whatever_joins_them():
    assert components("fedcba", [("b", "a"), ("e", "c"), ("a", "d"), ("c", "e")]) == [
        ["a", "b", "d"],
        ["c", "e"],
        ["f"],
    ]
    assert components([], []) == []
    chain = [(f"{number:05d}", f"{number + 1:05d}") for number in range(5000)]
    assert len(components([], chain)) == 1
