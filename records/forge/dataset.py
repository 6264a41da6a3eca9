"""Writes a forged data set with its pairs, splits, videos and notes; resumes an interrupted run."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy.optimize import linear_sum_assignment

from records.atomic import write_json, write_text
from records.building import in_processes
from records.forge import readme
from records.forge.layouts import RENAMING, arrange
from records.forge.networks import paint_networks
from records.forge.options import V3, ForgeOptions
from records.forge.pair import forge_pair
from records.forge.people import Faces, People, find_people
from records.forge.resuming import begin, description
from records.forge.seeds import generator
from records.forge.tree import WORKING, Tree
from records.progress import progress

HELD_OUT = 0.14  # share of the pairs in val, and share in test
Say = Callable[[str], None]


def forge_dataset(options: ForgeOptions, out: Path, workers: int = 2, say: Say = print) -> dict:
    """Makes a data set in `out`, or finishes one that an interrupted run with the same options began there.

    Args:
        options: the options that decide its content.
        out: an empty or missing folder, or that of an interrupted run with the same options.
        workers: number of processes; the bytes do not depend on it.
        say: prints one line of text.

    Returns:
        The content of forge.json: {"seed", "options", "clips", "skips"}.

    Raises:
        DataError: `out` holds something else, photographs are missing, or the disk is full.
    """
    described = description(options)
    if (finished := begin(out, described, say)) is not None:
        return finished
    if options.layout == V3:
        return _forge(options, described, out, workers, say)
    as_v3 = dataclasses.replace(options, layout=V3)
    result = forge_dataset(as_v3, out / WORKING / V3, workers, say)
    return _rearrange(out, options.layout, described, result)


def split_pairs(pairs: list[tuple[str, str]]) -> dict[str, list[tuple[str, str]]]:
    """Splits pairs into about 72% train, 14% val and 14% test as in FaceForensics++, with at least one pair each."""
    held_out = max(1, round(HELD_OUT * len(pairs)))
    train = len(pairs) - 2 * held_out
    return {"train": pairs[:train], "val": pairs[train : train + held_out], "test": pairs[train + held_out :]}


def _forge(options: ForgeOptions, described: dict, out: Path, workers: int, say: Say) -> dict:
    """Makes a data set in the layout v3. forge.json is written last: if it exists, the data set is complete."""
    tree, compressions = Tree(out), tuple(described["compressions"])
    people = find_people(options, out / WORKING / "faces.json", workers, say)
    pairs = _pairs(options.seed, people)
    for folder in tree.folders(compressions):
        folder.mkdir(parents=True, exist_ok=True)
    paint_networks(people.faces, people.names, pairs, options.seed, tree.painted, tree.networks, workers, say)
    notes = _forge_pairs(tree, people.faces, options.seed, compressions, pairs, workers)
    result = {
        "seed": options.seed,
        "options": described,
        "clips": dict(sorted(notes.items())),
        "skips": [dataclasses.asdict(skip) for skip in people.skips],
    }
    splits = split_pairs(pairs)
    for split, of_split in splits.items():
        write_json(out / "splits" / f"{split}.json", of_split, indent=None)
    write_text(out / "README.txt", readme.of_v3(result, splits))
    write_json(out / "forge.json", result, indent=1, sort_keys=True)
    shutil.rmtree(out / WORKING)
    return result


def _rearrange(out: Path, layout: str, described: dict, result: dict) -> dict:
    """Arranges the v3 tree in `out`/.forge in `layout`, and moves the result into `out`; forge.json is written last."""
    made = out / WORKING / "made"
    shutil.rmtree(made, ignore_errors=True)
    arrange(layout, out / WORKING / V3, made)
    leftovers = [entry for entry in out.iterdir() if entry.name != WORKING]  # of a run interrupted at the move below
    for entry in leftovers:
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    for entry in sorted(made.iterdir()):
        os.replace(entry, out / entry.name)
    result = {**result, "options": described, "clips": {} if layout in RENAMING else result["clips"]}
    write_text(out / "README.txt", readme.of_rearranged(result, layout))
    write_json(out / "forge.json", result, indent=1, sort_keys=True)
    shutil.rmtree(out / WORKING)
    return result


def _pairs(seed: int, people: People) -> list[tuple[str, str]]:
    """Pairs of like people, each of whom is in one pair; the two swap their faces.

    A random half is paired with the other half so that the sum of the squared differences in pose and skin colour is
    least. The order of the pairs, which decides the splits, is random.
    """
    order = generator(seed, "pairs", len(people.names)).permutation(len(people.names))
    first, second = np.split(order, 2)
    cost = np.square(people.looks[first][:, None] - people.looks[second][None]).sum(axis=2)
    partner = second[linear_sum_assignment(cost)[1]]
    return [(people.names[a], people.names[b]) for a, b in zip(first, partner, strict=True)]


def _forge_pairs(
    tree: Tree, faces: Faces, seed: int, compressions: tuple[str, ...], pairs: list[tuple[str, str]], workers: int
) -> dict[str, dict]:
    """Makes the clips of all pairs that are not finished, and returns the notes of all clips."""
    notes: dict[str, dict] = {}
    missing = []
    for pair in pairs:
        if tree.pair_notes(pair).is_file():
            notes.update(json.loads(tree.pair_notes(pair).read_text(encoding="utf-8")))
        else:
            missing.append(pair)
    if not missing:
        return notes
    jobs = [(tree, faces.only(*pair), seed, compressions, pair) for pair in missing]
    forged = in_processes(forge_pair, jobs, workers, tasks_a_process=len(jobs))
    for of_pair in progress(forged, len(jobs), "Forging pairs of clips"):
        notes.update(of_pair)
    return notes
