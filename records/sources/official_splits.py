"""Reads FaceForensics++'s splits from the three official files or from DeepfakeBench's JSON files."""

from __future__ import annotations

import json
import re
from pathlib import Path

from records.errors import DataError
from records.sources.clip import SPLITS

MAX_JSON_BYTES = 2**28
ID = 3  # characters of a video id, 000 to 999
FAKE = re.compile(r"(\d{3})_(\d{3})")
Pairs = dict[str, list[tuple[str, str]]]


def find_splits(root: Path, given: Path | None = None) -> tuple[Pairs, str]:
    """The pairs of each split, and the names of the files that list them.

    Args:
        root: folder of the data set. The official files are looked for in root/splits/, then in root; then
            DeepfakeBench's JSON files in root.
        given: a folder with the three files, or DeepfakeBench's JSON file; then nothing else is looked for.

    Raises:
        DataError: a file is missing or damaged, or an identity is in two splits.
    """
    if given is not None and given.suffix == ".json":
        return _from_deepfakebench([given]), given.name
    if given is None:
        benches = sorted(root.glob("FF-*.json")) or sorted(root.glob("FaceForensics++*.json"))
        folder = next((folder for folder in (root / "splits", root) if (folder / "train.json").is_file()), None)
        if folder is None and benches:
            return _from_deepfakebench(benches), ", ".join(path.name for path in benches)
        given = folder or root / "splits"
    return read_splits(given), "train.json, val.json, test.json"


def read_splits(folder: Path) -> Pairs:
    """The pairs of each split, from the three official files.

    Raises:
        DataError: a file is missing or damaged, or an identity is in two splits.
    """
    pairs: Pairs = {}
    for split in SPLITS:
        path = Path(folder) / f"{split}.json"
        try:
            pairs[split] = [(a, b) for a, b in read_json(path)]
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
    _check(pairs, f"{folder}/", ".json")
    return pairs


def read_json(path: Path) -> object:
    """The value in a JSON file; raises `OSError`, or `ValueError` for a damaged or very large file."""
    if path.stat().st_size > MAX_JSON_BYTES:
        raise ValueError(f"it is larger than {MAX_JSON_BYTES} bytes")
    return json.loads(path.read_text(encoding="utf-8"))


def _from_deepfakebench(paths: list[Path]) -> Pairs:
    """The pairs (a, b) of all clips a_b in files of the form
    {data set: {FF-real, FF-DF, ...: {split: {compression: {clip: {"label", "frames"}}}}}}.
    """
    pairs: Pairs = {split: [] for split in SPLITS}
    for path in paths:
        try:
            for classes in read_json(path).values():
                for splits in classes.values():
                    for split, levels in splits.items():
                        clips = {match for clips in levels.values() for match in map(FAKE.fullmatch, clips) if match}
                        pairs[split] += [(match[1], match[2]) for match in clips]
        except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DataError(
                f"{path} is not a JSON file of DeepfakeBench ({type(error).__name__}: {error}); name the folder of the "
                "official train.json, val.json and test.json with --splits."
            ) from error
    for split in SPLITS:  # a_b and b_a are one pair
        pairs[split] = sorted({(min(pair), max(pair)) for pair in pairs[split]})
    if not any(pairs.values()):
        raise DataError(f"{paths[0]} names no manipulated clip such as 000_003; name the official files with --splits.")
    _check(pairs, f"{paths[0]}: ")
    return pairs


def _check(pairs: Pairs, before: str, after: str = "") -> None:
    """Raises `DataError` if an identity is in two splits; `before` and `after` make a file's name of a split's."""
    split_of: dict[str, str] = {}
    for split in SPLITS:
        for identity in (identity for pair in pairs[split] for identity in pair):
            if (other := split_of.setdefault(identity, split)) != split:
                raise DataError(
                    f"{before}{split}{after} and {other}{after} share {identity}; no identity may be in two splits."
                )
