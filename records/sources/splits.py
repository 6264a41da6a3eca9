"""Splits of a data set that has no official ones: no person in two of them, the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from records.errors import DataError

SHARES = {"train": 0.72, "val": 0.14, "test": 0.14}  # FaceForensics++'s


def draw(people: Iterable[str], together: Iterable[Sequence[str]] = (), seed: int = 0) -> dict[str, str]:
    """Puts people into train, val and test, 72 to 14 to 14 in a hundred.

    People who are in one clip, as the target and the donor of a fake are, go into one split: what is assigned are the
    connected components of the graph that joins them. Where that leaves fewer than three components, there is no such
    split, and people are assigned one by one; a fake of people in two splits then belongs to neither.

    Args:
        people: every subject.
        together: the subjects of each clip.
        seed: of the order in which they are assigned.

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
            f"{len(groups)} people cannot be put into {', '.join(SHARES)}; three at least are needed, or name splits."
        )
    random.Random(seed).shuffle(groups)
    groups.sort(key=len, reverse=True)  # the large ones first, while there is room; shuffled among equals
    total = sum(map(len, groups))
    members: dict[str, list[str]] = {split: [] for split in SHARES}
    for position, group in enumerate(groups):
        empty = [split for split in SHARES if not members[split]]
        left = len(groups) - position
        choice = empty if left <= len(empty) else list(SHARES)
        split = max(choice, key=lambda name: SHARES[name] - len(members[name]) / total)
        members[split] += group
    return {person: split for split, group in members.items() for person in sorted(group)}


def components(people: Iterable[str], together: Iterable[Sequence[str]]) -> list[list[str]]:
    """The connected components of the graph that joins people of one clip, each sorted, in the order of their first."""
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
