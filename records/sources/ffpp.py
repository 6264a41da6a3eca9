"""FaceForensics++ as its download script lays it out: a folder becomes clips."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from records.errors import DataError
from records.sources.clip import REAL, Clip, Skip

COMPRESSIONS = ("raw", "c23", "c40")  # the best quality first
TARGETS = ("raw", "c23")  # good enough to supervise AFSR
METHODS = ("Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "FaceShifter")
SPLITS = ("train", "val", "test")
NOTES_FILE = "forge.json"
MAX_JSON_BYTES = 2**28
MAX_NOTES_CHARACTERS = 4096  # of one clip
ID = 3  # characters of a video id, 000 to 999


def find_clips(
    root: Path,
    compressions: Sequence[str] | None = None,
    methods: Sequence[str] | None = None,
    splits_dir: Path | None = None,
    dataset: str = "ffpp",
) -> tuple[list[Clip], list[Skip]]:
    """Every clip that the splits name, at every compression wanted.

    Args:
        root: the folder with original_sequences/ and manipulated_sequences/.
        compressions: raw, c23, c40; None for those present.
        methods: None for those present.
        splits_dir: folder with train.json, val.json and test.json; None for ROOT/splits.
        dataset: first part of the videos' ids.

    Returns:
        The clips in a fixed order, and a `Skip` for each clip that the splits name and the disk lacks.

    Raises:
        DataError: nothing of FaceForensics++ in `root`, an unknown compression or method, missing, damaged or
            overlapping splits.
    """
    root = Path(root)
    originals = _originals(root)
    fakes = {method: root / "manipulated_sequences" / method for method in METHODS}
    here = [method for method in METHODS if fakes[method].is_dir()]
    if originals is None:
        raise DataError(
            f"{root} holds no FaceForensics++: there is no original_sequences/ with videos in it. Give the folder that "
            "the download script filled (or that `tfafsr forge` wrote)."
        )
    present = [level for level in COMPRESSIONS if _videos(originals, level) is not None]
    compressions = _chosen(compressions, COMPRESSIONS, present, "compression", root)
    methods = _chosen(methods, METHODS, here, "method", root)
    pairs = read_splits(splits_dir or root / "splits")
    notes = _notes(root)
    clips: list[Clip] = []
    skips: list[Skip] = []

    def best_of(folder: Path, name: str) -> tuple[Path, str] | None:
        for level in COMPRESSIONS:
            videos = _videos(folder, level)
            if videos is not None and (videos / f"{name}.mp4").is_file():
                return videos / f"{name}.mp4", level
        return None

    def add(folder: Path, method: str, name: str, split: str, subjects: tuple[str, ...]) -> None:
        label = int(method != REAL)
        pristine, best = best_of(originals, subjects[0]), best_of(folder, name)
        for compression in compressions:
            video = f"{dataset}/{method}/{compression}/{name}"
            folder_of_level = _videos(folder, compression)
            path = folder_of_level and folder_of_level / f"{name}.mp4"
            if path is None or not path.is_file():
                missing = path or folder / compression / "videos" / f"{name}.mp4"
                reason = f"{_below(root, missing)} is missing; the split {split} names it"
            elif pristine is None:
                reason = f"its pristine twin {subjects[0]}.mp4 is missing in {_below(root, originals)}"
            else:
                key = f"{'original' if method == REAL else method}/{name}"
                clip_notes = notes.get(key, {})
                clips.append(
                    Clip(
                        dataset,
                        method,
                        compression,
                        split,
                        name,
                        path,
                        label,
                        subjects,
                        pristine=pristine[0],
                        best=best[0],
                        target_known=best[1] in TARGETS,
                        mask_known=best[1] == pristine[1],
                        notes=clip_notes,
                    )
                )
                continue
            skips.append(Skip(video, label, reason))

    for split in SPLITS:
        both_ways = [pair for a, b in pairs[split] for pair in ((a, b), (b, a))]
        for target in dict.fromkeys(target for target, _ in both_ways):
            add(originals, REAL, target, split, (target,))
        for target, source in dict.fromkeys(both_ways):
            for method in methods:
                add(fakes[method], method, f"{target}_{source}", split, (target, source))
    return clips, skips


def read_splits(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """The pairs of each split, from the three official files.

    Raises:
        DataError: a file is missing or damaged, or an identity is in two splits.
    """
    pairs: dict[str, list[tuple[str, str]]] = {}
    where: dict[str, str] = {}
    for split in SPLITS:
        path = Path(folder) / f"{split}.json"
        try:
            values = _read_json(path)
            pairs[split] = [(a, b) for a, b in values]
        except FileNotFoundError:
            raise DataError(
                f"{path} is missing. FaceForensics++'s repository holds train.json, val.json and test.json in "
                f"dataset/splits: put all three into {folder}, or name their folder with --splits."
            ) from None
        except (OSError, ValueError, TypeError, RecursionError) as error:
            raise DataError(
                f'{path} is damaged ({error}); it must be a list of pairs of ids such as ["000", "003"].'
            ) from error
        for identity in (identity for pair in pairs[split] for identity in pair):
            if not isinstance(identity, str) or not (identity.isascii() and identity.isdigit()) or len(identity) != ID:
                raise DataError(f'{path} names {identity!r}; an id has three digits, such as "003".')
            if where.setdefault(identity, split) != split:
                raise DataError(
                    f"{path} and {where[identity]}.json share {identity}; the splits must not share an identity."
                )
    return pairs


def _originals(root: Path) -> Path | None:
    """original_sequences/youtube, or original_sequences itself in older copies."""
    for folder in (root / "original_sequences" / "youtube", root / "original_sequences"):
        if any(_videos(folder, level) is not None for level in COMPRESSIONS):
            return folder
    return None


def _videos(folder: Path, compression: str) -> Path | None:
    """The folder with the videos of a compression; older copies call raw c0."""
    for level in (compression, "c0") if compression == "raw" else (compression,):
        if (folder / level / "videos").is_dir():
            return folder / level / "videos"
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
        clips = _read_json(path)["clips"]
        for name, notes in clips.items():
            if not isinstance(notes, dict) or len(json.dumps(notes)) > MAX_NOTES_CHARACTERS:
                raise ValueError(f"the notes of {name!r} are no object of at most {MAX_NOTES_CHARACTERS} characters")
        return clips
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}); run `tfafsr forge` again, or remove the file.") from error


def _read_json(path: Path) -> object:
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"it is larger than {MAX_JSON_BYTES} bytes")
    return json.loads(path.read_text())


def _below(root: Path, path: Path) -> str:
    return str(path.relative_to(root))
