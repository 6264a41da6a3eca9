"""FaceForensics++ as its download script lays it out, and as older and rearranged copies do: a folder becomes clips."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

from records.errors import DataError
from records.footage.footage import Footage
from records.sources import splits as drawn
from records.sources.clip import REAL, SPLITS, Clip, Found, Skip
from records.sources.ffpp_tree import Tree
from records.sources.official_splits import find_splits, read_json

COMPRESSIONS = ("raw", "c23", "c40")  # the best quality first
TARGETS = ("raw", "c23")  # good enough to supervise AFSR
OFFICIAL = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")  # made from the youtube originals
DFD = "DeepFakeDetection"  # made from the actors' videos; there is no official split
METHODS = (*OFFICIAL, DFD)
WITHOUT_MASKS = ("FaceShifter",)
DFD_FAKE = re.compile(r"(\d+)_(\d+)__(.+?)__\w+")  # target, donor, scene
DFD_REAL = re.compile(r"(\d+)__.+")
NOTES_FILE = "forge.json"
MAX_NOTES_CHARACTERS = 4096  # of one clip


def find_clips(
    root: Path,
    compressions: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    splits: Path | None = None,
    dataset: str = "ffpp",
    seed: int = 0,
    follow_links: bool = False,
) -> Found:
    """Every clip that the splits name, at every compression wanted.

    Read are: the download script's layout; `c0` for `raw`; originals without youtube/; frames in
    <compression>/images/<clip>/ in the place of videos; masks as videos or pictures; FaceShifter, which has no masks;
    DeepFakeDetection and the actors' videos, which have no split; DeepfakeBench's tree. DeepfakeBench's frames are cut
    out of each video on its own, so that a fake's do not lie over its original's: they have neither target nor mask.

    Args:
        root: the folder with original_sequences/ and manipulated_sequences/.
        compressions: raw, c23, c40; None for those present.
        methods: None for those of the official splits that are present.
        splits: folder with train.json, val.json and test.json, or DeepfakeBench's JSON; None looks for them in ROOT.
        dataset: first part of the videos' ids.
        seed: of the split of DeepFakeDetection's actors.
        follow_links: accept links that lead out of ROOT.

    Returns:
        The clips in a fixed order, and a `Skip` for each clip that the splits name and the disk lacks.

    Raises:
        DataError: nothing of FaceForensics++ in `root`, an unknown compression or method, missing, damaged or
            overlapping splits.
    """
    root = Path(root)
    tree = Tree(root, follow_links)
    youtube, actors = _originals(tree), root / "original_sequences" / "actors"
    fakes = {method: root / "manipulated_sequences" / method for method in METHODS}
    here = [method for method in METHODS if tree.levels(fakes[method])]
    if youtube is None and not tree.levels(actors):
        raise DataError(
            f"{root} holds no FaceForensics++: there is no original_sequences/ with videos in it. Give the folder that "
            "the download script filled (or that `tfafsr forge` wrote)."
        )
    originals = [folder for folder in (youtube, actors) if folder is not None]
    present = [level for level in COMPRESSIONS if any(level in tree.levels(folder) for folder in originals)]
    compressions = _chosen(compressions, COMPRESSIONS, present, "compression", root)
    default = [method for method in here if method != DFD or youtube is None]
    methods = default if methods is None else _chosen(methods, METHODS, here, "method", root)
    found = Found()
    adding = _Adding(tree, found, compressions, dataset, _notes(root))
    if methods != [DFD] and youtube is not None:
        pairs, found.splits["from"] = find_splits(root, splits)
        for split in SPLITS:
            both_ways = [pair for a, b in pairs[split] for pair in ((a, b), (b, a))]
            for target in dict.fromkeys(target for target, _ in both_ways):
                adding.add(youtube, REAL, target, split, (target,), youtube, target)
            for target, source in dict.fromkeys(both_ways):
                for method in methods:
                    if method != DFD:
                        name = f"{target}_{source}"
                        adding.add(fakes[method], method, name, split, (target, source), youtube, target)
    elif lost := [method for method in methods if method != DFD]:
        found.remarks.append(f"{', '.join(lost)} cannot be used: original_sequences/youtube is not here.")
    if DFD in methods:
        _add_actors(adding, actors, fakes[DFD], seed)
    elif DFD in here:
        found.remarks.append(f"{DFD} is here, too; it has no official split and is used when --methods names it.")
    found.layout = "FaceForensics++, " + ", ".join(sorted(tree.seen))
    found.odd = tree.odd()
    return found


class _Adding:
    """Adds clips to what was found, each with its twin and its best quality."""

    def __init__(self, tree: Tree, found: Found, compressions: Sequence[str], dataset: str, notes: dict) -> None:
        self.tree, self.found, self.compressions = tree, found, compressions
        self.dataset, self.notes = dataset, notes

    def add(
        self, folder: Path, method: str, name: str, split: str, subjects: tuple[str, ...], originals: Path, twin: str
    ) -> None:
        """Adds one clip at each compression, or the reason why it is not there."""
        label = int(method != REAL)
        notes = self.notes.get(f"{'original' if method == REAL else method}/{name}", {})
        for compression in self.compressions:
            try:
                path = self.tree.find(folder, compression, name)
                pristine, best = self._best(originals, twin), self._best(folder, name)
            except DataError as error:
                self._skip(method, name, split, compression, str(error))
                continue
            if path is None:
                place = self.tree.place(folder, compression, name)
                self._skip(method, name, split, compression, f"{place} is missing; the split {split} names it")
            elif pristine is None:
                place = originals.relative_to(self.tree.root)
                self._skip(method, name, split, compression, f"its pristine twin {twin}.mp4 is missing in {place}")
            else:
                alone = path.sampled or pristine[0].sampled or best[0].sampled
                self.found.clips.append(
                    Clip(
                        self.dataset,
                        method,
                        compression,
                        split,
                        name,
                        path,
                        label,
                        subjects,
                        twin=f"{method}-{compression}-{name}" if alone else twin,
                        pristine=path if alone else pristine[0],
                        best=path if alone else best[0],
                        quality=best[1],
                        target_known=not alone and best[1] in TARGETS,
                        mask_known=not alone and best[1] == pristine[1],
                        notes=notes,
                    )
                )
                if label and method not in WITHOUT_MASKS:
                    self._mask(folder, name, f"{self.dataset}/{method}/{best[1]}/{name}")

    def _mask(self, folder: Path, name: str, video: str) -> None:
        """The data set's own; building does without, so that a link that leads out is as good as none."""
        try:
            self.found.masks[video] = self.tree.mask(folder, name)
        except DataError as error:
            self.found.masks[video] = None
            if str(error) not in self.found.remarks:
                self.found.remarks.append(str(error))

    def _best(self, folder: Path, name: str) -> tuple[Footage, str] | None:
        for level in COMPRESSIONS:
            footage = self.tree.find(folder, level, name)
            if footage is not None:
                return footage, level
        return None

    def _skip(self, method: str, name: str, split: str, compression: str, reason: str) -> None:
        video = f"{self.dataset}/{method}/{compression}/{name}"
        self.found.skips.append(Skip(video, int(method != REAL), reason, split))


def _add_actors(adding: _Adding, actors: Path, fakes: Path, seed: int) -> None:
    """DeepFakeDetection and its actors; their splits are drawn, for there are no official ones."""
    tree, found = adding.tree, adding.found
    reals = {name: match[1] for name in tree.names(actors) if (match := DFD_REAL.fullmatch(name))}
    made = {name: match for name in tree.names(fakes) if (match := DFD_FAKE.fullmatch(name))}
    dealt = drawn.draw(
        {*reals.values(), *(person for match in made.values() for person in match.group(1, 2))},
        [match.group(1, 2) for match in made.values()],
        seed,
    )
    found.splits |= {f"{DFD} drawn with seed": seed, f"{DFD} subjects": dealt}
    for name, person in reals.items():
        adding.add(actors, REAL, name, dealt[person], (person,), actors, name)
    for name, match in made.items():
        target, donor, scene = match.groups()
        if dealt[target] != dealt[donor]:
            reason = f"its people are in two splits, {target} in {dealt[target]} and {donor} in {dealt[donor]}"
            found.remarks.append(f"{DFD}/{name} is left out: {reason}.")
        else:
            adding.add(fakes, DFD, name, dealt[target], (target, donor), actors, f"{target}__{scene}")


def _originals(tree: Tree) -> Path | None:
    """original_sequences/youtube, or original_sequences itself in older copies."""
    for folder in (tree.root / "original_sequences" / "youtube", tree.root / "original_sequences"):
        if tree.levels(folder):
            return folder
    return None


def _chosen(wanted: Sequence[str] | None, known: Sequence[str], present: list[str], what: str, root: Path) -> list[str]:
    if wanted is None:
        return present
    if unknown := [name for name in wanted if name not in known]:
        raise DataError(f"{unknown[0]!r} is no {what} of FaceForensics++; there are {', '.join(known)}.")
    if absent := [name for name in wanted if name not in present]:
        raise DataError(f"{root} holds no {what} {absent[0]!r}; it holds {', '.join(present) or 'none'}.")
    return [name for name in known if name in wanted]


def _notes(root: Path) -> dict[str, dict]:
    path = root / NOTES_FILE
    if not path.is_file():
        return {}
    try:
        clips = read_json(path)["clips"]
        for name, notes in clips.items():
            if not isinstance(notes, dict) or len(json.dumps(notes)) > MAX_NOTES_CHARACTERS:
                raise ValueError(f"the notes of {name!r} are no object of at most {MAX_NOTES_CHARACTERS} characters")
        return clips
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}); run `tfafsr forge` again, or remove the file.") from error
