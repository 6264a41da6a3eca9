"""Lists the clips that FaceForensics++'s splits name, and finds the files of each clip and of its twin."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from records.errors import DataError
from records.footage import Footage
from records.sources.clip import REAL, SPLITS, Clip, Skip
from records.sources.ffpp_names import COMPRESSIONS, METHOD_OF_ACTORS, TARGETS
from records.sources.ffpp_tree import Tree
from records.sources.official_splits import Pairs
from records.sources.splits import draw

ACTORS_FAKE = re.compile(r"(\d+)_(\d+)__(.+?)__\w+")  # target, donor, scene
ACTORS_REAL = re.compile(r"(\d+)__.+")


@dataclasses.dataclass(frozen=True)
class NamedClip:
    """A clip that the splits name; its files may be missing.

    Attributes:
        folder: folder of its method, or of the originals.
        method: manipulation method; `real` for originals.
        name: name of the clip.
        split: train, val or test.
        subjects: every identity in it, the target first.
        originals: folder of the originals.
        twin: name of the original that a fake was made from; an original's own name.
    """

    folder: Path
    method: str
    name: str
    split: str
    subjects: tuple[str, ...]
    originals: Path
    twin: str

    @property
    def label(self) -> int:
        """1 = manipulated."""
        return int(self.method != REAL)

    def video(self, dataset: str, compression: str) -> str:
        """The unique id, dataset/method/compression/clip."""
        return f"{dataset}/{self.method}/{compression}/{self.name}"


def named_by_pairs(pairs: Pairs, originals: Path, fakes: Mapping[str, Path]) -> list[NamedClip]:
    """For each pair, the originals of both people, and by each method both fakes that swap their faces.

    Args:
        pairs: split -> pairs of ids.
        originals: folder of the originals.
        fakes: method -> folder of its fakes.
    """
    named = []
    for split in SPLITS:
        both_ways = [pair for a, b in pairs[split] for pair in ((a, b), (b, a))]
        for target in dict.fromkeys(target for target, _ in both_ways):
            named.append(NamedClip(originals, REAL, target, split, (target,), originals, target))
        for target, source in dict.fromkeys(both_ways):
            for method, folder in fakes.items():
                name = f"{target}_{source}"
                named.append(NamedClip(folder, method, name, split, (target, source), originals, target))
    return named


def named_actors(
    tree: Tree, originals: Path, fakes: Path, seed: int
) -> tuple[list[NamedClip], dict[str, str], list[str]]:
    """The actors' videos and the fakes of DeepFakeDetection; their splits are drawn, since there are no official ones.

    Args:
        tree: the data set's folder.
        originals, fakes: folder of the actors' videos, and of the fakes.
        seed: seed of the draw.

    Returns:
        The clips; actor -> split; a remark for each fake that is left out because its people are in two splits.

    Raises:
        DataError: fewer than three actors.
    """
    reals = {name: match[1] for name in tree.names(originals) if (match := ACTORS_REAL.fullmatch(name))}
    swaps = {name: match.groups() for name in tree.names(fakes) if (match := ACTORS_FAKE.fullmatch(name))}
    together = [(target, donor) for target, donor, _ in swaps.values()]
    split_of = draw({*reals.values(), *(person for pair in together for person in pair)}, together, seed)
    named = [
        NamedClip(originals, REAL, name, split_of[person], (person,), originals, name) for name, person in reals.items()
    ]
    remarks = []
    for name, (target, donor, scene) in swaps.items():
        split, other = split_of[target], split_of[donor]
        if split == other:
            twin = f"{target}__{scene}"
            named.append(NamedClip(fakes, METHOD_OF_ACTORS, name, split, (target, donor), originals, twin))
        else:
            reason = f"its people are in two splits, {target} in {split} and {donor} in {other}"
            remarks.append(f"{METHOD_OF_ACTORS}/{name} is left out: {reason}.")
    return named, split_of, remarks


def find_compressions(
    tree: Tree, named: NamedClip, compressions: Sequence[str], dataset: str, notes: dict
) -> list[Clip | Skip]:
    """The clip at each compression, or a `Skip` with the reason why it cannot be used."""
    return [_find(tree, named, compression, dataset, notes) for compression in compressions]


def _find(tree: Tree, named: NamedClip, compression: str, dataset: str, notes: dict) -> Clip | Skip:
    def skip(reason: str) -> Skip:
        return Skip(named.video(dataset, compression), named.label, reason, named.split)

    try:
        footage = tree.find(named.folder, compression, named.name)
        pristine, best = _best(tree, named.originals, named.twin), _best(tree, named.folder, named.name)
    except DataError as error:
        return skip(str(error))
    if footage is None:
        path = tree.expected_path(named.folder, compression, named.name)
        return skip(f"{path} is missing; the split {named.split} names it")
    if pristine is None:
        folder = named.originals.relative_to(tree.root)
        return skip(f"its pristine twin {named.twin}.mp4 is missing in {folder}")
    # Sampled frames were cut out of each video separately, so that their pixels do not match the twin's.
    twinless = footage.sampled or pristine[0].sampled or best[0].sampled
    return Clip(
        dataset,
        named.method,
        compression,
        named.split,
        named.name,
        footage,
        named.label,
        named.subjects,
        twin=f"{named.method}-{compression}-{named.name}" if twinless else named.twin,
        pristine=footage if twinless else pristine[0],
        best=footage if twinless else best[0],
        quality=best[1],
        target_known=not twinless and best[1] in TARGETS,
        mask_known=not twinless and best[1] == pristine[1],
        notes=notes,
    )


def _best(tree: Tree, folder: Path, name: str) -> tuple[Footage, str] | None:
    """The frames of a clip at its best quality, and the name of that quality; None if there are none."""
    for level in COMPRESSIONS:
        footage = tree.find(folder, level, name)
        if footage is not None:
            return footage, level
    return None
