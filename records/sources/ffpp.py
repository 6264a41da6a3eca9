"""Finds the clips of FaceForensics++, in the layout of its download script and of older or rearranged copies."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from records.errors import DataError
from records.shards import SplitsOrigin
from records.sources.clip import Clip, Found
from records.sources.ffpp_clips import NamedClip, find_compressions, named_actors, named_by_pairs
from records.sources.ffpp_names import COMPRESSIONS, METHOD_OF_ACTORS, METHODS, METHODS_WITHOUT_MASKS
from records.sources.ffpp_tree import Tree
from records.sources.official_splits import find_splits, read_json

NOTES_FILE = "forge.json"
MAX_NOTES_CHARACTERS = 4096  # of a clip


def find_clips(
    root: Path,
    *,
    compressions: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    splits: Path | None = None,
    dataset: str = "ffpp",
    seed: int = 0,
    follow_links: bool = False,
) -> Found:
    """Finds every clip that the splits name, at every compression wanted.

    Supported are: the download script's layout; `c0` in place of `raw`; originals without youtube/; frames in
    <compression>/images/<clip>/ in place of videos; masks as videos or pictures; FaceShifter, which has no masks;
    DeepFakeDetection and the actors' videos, which have no official split; DeepfakeBench's tree. DeepfakeBench cuts
    each video's faces out separately, so that a fake's pixels do not match its original's: such clips have neither
    target nor mask.

    Args:
        root: folder with original_sequences/ and manipulated_sequences/.
        compressions: raw, c23, c40 or others such as c34; None for all in the folder.
        methods: manipulation methods; None for those in the folder that have an official split.
        splits: folder with train.json, val.json and test.json, or DeepfakeBench's JSON; None looks for them in ROOT.
        dataset: first part of the videos' ids.
        seed: seed of the drawn split of DeepFakeDetection's actors.
        follow_links: accept links that lead out of ROOT.

    Returns:
        The clips in a fixed order, and a `Skip` for each clip that the splits name and that is missing.

    Raises:
        DataError: the folder holds no FaceForensics++, a compression or method is unknown, or splits are missing,
            damaged or overlap.
    """
    root = Path(root)
    tree = Tree(root, follow_links)
    youtube, actors = _originals(tree), root / "original_sequences" / "actors"
    fakes = {method: root / "manipulated_sequences" / method for method in METHODS}
    present_methods = [method for method in METHODS if tree.levels(fakes[method])]
    if youtube is None and not tree.levels(actors):
        raise DataError(
            f"{root} holds no FaceForensics++: there is no original_sequences/ with videos in it. Give the folder that "
            "the download script filled (or that `tfafsr forge` wrote)."
        )
    originals = [folder for folder in (youtube, actors) if folder is not None]
    present_levels = [level for level in COMPRESSIONS if any(level in tree.levels(folder) for folder in originals)]
    compressions = _chosen(compressions, COMPRESSIONS, present_levels, "compression", root)
    default = [method for method in present_methods if method != METHOD_OF_ACTORS or youtube is None]
    methods = default if methods is None else _chosen(methods, METHODS, present_methods, "method", root)
    notes = _notes(root)
    named: list[NamedClip] = []
    files, drawn, remarks = "", {}, []
    if methods != [METHOD_OF_ACTORS] and youtube is not None:
        pairs, files = find_splits(root, splits)
        named += named_by_pairs(pairs, youtube, {m: fakes[m] for m in methods if m != METHOD_OF_ACTORS})
    elif unusable := [method for method in methods if method != METHOD_OF_ACTORS]:
        remarks.append(f"{', '.join(unusable)} cannot be used: original_sequences/youtube is missing.")
    if METHOD_OF_ACTORS in methods:
        of_actors, drawn, left_out = named_actors(tree, actors, fakes[METHOD_OF_ACTORS], seed)
        named += of_actors
        remarks += left_out
    elif METHOD_OF_ACTORS in present_methods:
        remarks.append(
            f"{METHOD_OF_ACTORS} is not used because it has no official split; name it with --methods to use it."
        )
    found = Found(remarks=remarks)
    found.splits = SplitsOrigin(files, seed if drawn else None, drawn, METHOD_OF_ACTORS if files and drawn else "")
    for clip in named:
        clip_notes = notes.get(f"{clip.method if clip.label else 'original'}/{clip.name}", {})
        for result in find_compressions(tree, clip, compressions, dataset, clip_notes):
            if isinstance(result, Clip):
                found.clips.append(result)
                if clip.label and clip.method not in METHODS_WITHOUT_MASKS:
                    _add_mask(found, tree, clip.folder, result)
            else:
                found.skips.append(result)
    found.layout = "FaceForensics++, " + ", ".join(sorted(tree.seen))
    found.odd = tree.odd()
    return found


def _add_mask(found: Found, tree: Tree, folder: Path, clip: Clip) -> None:
    """Adds the data set's own mask of a clip. Building does not need it, so an unreadable one gives only a remark."""
    mask = None
    try:
        mask = tree.mask(folder, clip.name)
    except DataError as error:
        if str(error) not in found.remarks:
            found.remarks.append(str(error))
    found.masks[f"{clip.dataset}/{clip.method}/{clip.quality}/{clip.name}"] = mask


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
        raise DataError(f"{unknown[0]!r} is not a {what} of FaceForensics++; choose from {', '.join(known)}.")
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
                raise ValueError(f"notes of {name!r} must be an object of at most {MAX_NOTES_CHARACTERS} characters")
        return clips
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}); run `tfafsr forge` again, or remove the file.") from error
