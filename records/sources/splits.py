"""Draws splits for a data set without official ones: by a seed, and with no person in two splits."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from records.errors import DataError

SHARES = {"train": 0.72, "val": 0.14, "test": 0.14}  # as in FaceForensics++


def draw(people: Iterable[str], together: Iterable[Sequence[str]] = (), seed: int = 0) -> dict[str, str]:
    """Assigns 72% of the people to train, 14% to val and 14% to test.

    The people of one clip, such as the target and the donor of a fake, go into the same split: connected components of
    the graph that joins them are assigned as a whole. If there are fewer than three components, people are assigned one
    by one; callers then leave out fakes whose people are in two splits.

    Args:
        people: every subject.
        together: the subjects of each clip.
        seed: seed of the order in which they are assigned.

    Returns:
        Subject -> split.

    Raises:
        DataError: fewer than three people.
    """
    groups = components(people, together)
    if len(groups) < len(SHARES):
        groups = [[person] for group in groups for person in group]
    if len(groups) < len(SHARES):
        raise DataError(
            f"{len(groups)} people cannot be put into {', '.join(SHARES)}; at least three are needed, or name splits."
        )
    random.Random(seed).shuffle(groups)
    groups.sort(key=len, reverse=True)  # large groups first, while every split has room; equal ones stay shuffled
    total = sum(map(len, groups))
    members: dict[str, list[str]] = {split: [] for split in SHARES}
    for position, group in enumerate(groups):
        empty = [split for split in SHARES if not members[split]]
        remaining = len(groups) - position
        choices = empty if remaining <= len(empty) else list(SHARES)
        split = max(choices, key=lambda name: SHARES[name] - len(members[name]) / total)
        members[split] += group
    return {person: split for split, group in members.items() for person in sorted(group)}


def components(people: Iterable[str], together: Iterable[Sequence[str]]) -> list[list[str]]:
    """The connected components of the graph that joins the people of each clip; sorted, and each sorted."""
    parent = {person: person for person in people}

    def root(person: str) -> str:
        parent.setdefault(person, person)
        while parent[person] != person:
            parent[person] = person = parent[parent[person]]
        return person

    for clip in together:
        for other in clip:
            parent[root(other)] = root(clip[0])
    found: dict[str, list[str]] = {}
    for person in sorted(parent):
        found.setdefault(root(person), []).append(person)
    return sorted(found.values())
