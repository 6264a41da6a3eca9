"""Finds the clips of a user's own folder of real and manipulated videos and pictures, which a table may describe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from records.errors import DataError
from records.footage import Footage, checked, printable
from records.shards import SplitsOrigin
from records.sources.clip import REAL, SPLITS, Clip, Found, Skip
from records.sources.folder_table import Row, list_files, read_table
from records.sources.splits import components, draw

AS_IS = "as-is"


def find_clips(
    root: Path,
    *,
    classes: Sequence[str] = ("real", "fake"),
    csv: Path | None = None,
    compressions: Sequence[str] | None = None,
    dataset: str = "folder",
    seed: int = 0,
    follow_links: bool = False,
) -> Found:
    """Finds every video and picture below ROOT/real and ROOT/fake, or every file that a table names.

    A clip without a twin has neither target nor mask: AFSR's loss terms are off for it, and only the classifier learns
    from it. If the table names a twin, faces are found on the twin, and the difference to it is the mask.

    Args:
        root: the folder.
        classes: names of the two folders, the real one first; folders in them are read, too. Manipulated files in
            fake/NAME/... have the method NAME.
        csv: a table that is read instead of the two folders. Its columns are path (relative to ROOT), label (0, 1 or a
            class's name) and, if known, method, subject, split (train, val, test) and twin (path of the real file that
            a fake was made from).
        compressions: one name for the quality of all files; None for `as-is`.
        dataset: first part of the videos' ids.
        seed: seed of the drawn splits, if the table names none. They are drawn by subject; a file without a subject
            counts as a subject of its own.
        follow_links: accept links that lead out of ROOT.

    Raises:
        DataError: a folder is missing, the table is damaged, or a subject is in two splits.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root} is not a folder.")
    if len(set(classes)) != 2:
        raise DataError(f"--classes takes the names of two folders, the real one first; received {', '.join(classes)}.")
    if compressions is not None and len(compressions) != 1:
        raise DataError(f"All files of a folder have one quality; give one name, not {', '.join(compressions)}.")
    found = Found(layout=f"a table, {csv.name}" if csv else f"folders {classes[0]}/ and {classes[1]}/")
    if csv:
        rows = read_table(csv, classes)
    else:
        rows, found.odd = list_files(root, classes, follow_links)
    if not rows:
        raise DataError(
            f"{csv or root} holds no video or picture; put files into {root / classes[0]} and {root / classes[1]}, or "
            "name your folders with --classes."
        )
    splits, found.splits = _splits([row for row in rows if printable(row.path) == row.path], seed)
    level = compressions[0] if compressions else AS_IS
    seen: set[str] = set()
    fakes = {row.path for row in rows if row.label}
    for row in rows:
        split = splits.get(row.path, "")
        reason = "the table names it twice" if row.path in seen else _reason(root, row, fakes, follow_links)
        if reason is None and not split:
            reason = "its people are in two splits, since most people share a clip; name splits in a table"
        if reason is None:
            seen.add(row.path)
            found.clips.append(_clip(root, row, dataset, level, split))
        else:
            video = printable(f"{dataset}/{row.method}/{level}/{row.path}")
            found.skips.append(Skip(video, row.label, reason, split))
    if not any(row.twin for row in rows):
        found.remarks.append("No file has a twin: AFSR learns nothing from these records, only the classifier does.")
    return found


def _clip(root: Path, row: Row, dataset: str, level: str, split: str) -> Clip:
    footage = Footage(root / row.path)
    return Clip(
        dataset,
        row.method,
        level,
        split,
        row.path,
        footage,
        row.label,
        row.subjects,
        twin=row.twin or row.path,
        pristine=Footage(root / row.twin) if row.twin else footage,
        best=footage,
        quality=level,
        target_known=False,
        mask_known=bool(row.twin) and row.label == 1,
    )


def _splits(rows: list[Row], seed: int) -> tuple[dict[str, str], SplitsOrigin]:
    """Path -> split, from the table; if it names none, splits are drawn by subject, a fake and its twin together.

    A file whose people are in two splits gets no split, "". That happens if nearly all people share clips, so that
    `draw` assigns them one by one.
    """
    subject_of = {row.path: row.subjects[0] for row in rows}
    twins = [(subject_of.get(row.twin, row.twin),) if row.twin else () for row in rows]
    people_of = [(*row.subjects, *twin) for row, twin in zip(rows, twins, strict=True)]
    split_of: dict[str, str] = {}
    for row, people in zip(rows, people_of, strict=True):
        for person in people if row.split else ():
            if split_of.setdefault(person, row.split) != row.split:
                raise DataError(f"{person} is in two splits, {split_of[person]} and {row.split}; put it into one.")
    if all(row.split for row in rows):
        return {row.path: row.split for row in rows}, SplitsOrigin(files="the table")
    if split_of:
        first = next(row.path for row in rows if not row.split)
        raise DataError(f"{first} has no split, but other files have; name a split for every file or for none.")
    drawn = _draw(rows, people_of, seed)
    splits = [{drawn[person] for person in people} for people in people_of]
    by_path = {row.path: "".join(split) if len(split) == 1 else "" for row, split in zip(rows, splits, strict=True)}
    return by_path, SplitsOrigin(seed=seed, drawn=drawn)


def _draw(rows: list[Row], people_of: list[tuple[str, ...]], seed: int) -> dict[str, str]:
    """Subject -> split; people with and without real files are drawn separately, so that each split has real files."""
    everybody = [person for people in people_of for person in people]
    groups = components(everybody, people_of)
    in_reals = {person for row, people in zip(rows, people_of, strict=True) if not row.label for person in people}
    with_reals = [people for people in groups if not in_reals.isdisjoint(people)]
    only_fakes = [people for people in groups if in_reals.isdisjoint(people)]
    if min(len(with_reals), len(only_fakes)) < len(SPLITS):
        return draw(everybody, people_of, seed)
    return {
        person: split
        for half in (with_reals, only_fakes)
        for person, split in draw([person for people in half for person in people], half, seed).items()
    }


def _reason(root: Path, row: Row, fakes: set[str], follow_links: bool) -> str | None:
    """Why a file cannot be used; None if it can."""
    if printable(row.path) != row.path:
        return "its name is not UTF-8; rename it"
    for relative in (row.path, row.twin):
        path = Path(root, relative)
        if ".." in Path(relative).parts or Path(relative).is_absolute():
            return f"{relative} leads out of {root}; paths must be relative to that folder"
        try:
            if not path.exists():
                return f"{relative} is missing"
            if not follow_links:
                checked(path, root)
        except (DataError, OSError) as error:
            return str(error)
    if row.twin in fakes:
        return f"its twin {row.twin} is a manipulated file"
    if "/" in row.method or row.method in ("", ".", "..") or (row.label and row.method == REAL):
        return f"{row.method!r} is not allowed as the name of a method"
    return None
