"""A user's own folder, of real and of manipulated videos and pictures: a folder, and perhaps a table, become clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from records.errors import DataError
from records.footage import Footage, checked, printable
from records.shards.entries import SplitsOrigin
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
    """Every video and picture below ROOT/real and ROOT/fake, or every row of a table.

    A clip without a twin has neither target nor mask: AFSR's terms are switched off for it, and only the classifier
    learns from it. Where a `twin` is named, faces are found on it and the difference to it is the mask.

    Args:
        root: the folder.
        classes: names of the two folders, the real one first; nested folders are read, too. Manipulated files in
            fake/NAME/... are of method NAME.
        csv: a table with the columns path (relative to ROOT), label (0, 1 or a class's name) and, where known,
            method, subject, split (train, val, test) and twin (path of the real file that a fake was made from); it
            takes the place of the two folders.
        compressions: one name for the quality of all files, `as-is` when not given.
        dataset: first part of the videos' ids.
        seed: of the splits, where the table names none: they are drawn by subject, and a file without one is its own.
        follow_links: accept links that lead out of ROOT.

    Raises:
        DataError: no such folders, a damaged table, or a subject in two splits.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root} is no folder.")
    if len(set(classes)) != 2:
        raise DataError(f"--classes takes the names of two folders, the real one first; received {', '.join(classes)}.")
    if compressions is not None and len(compressions) != 1:
        raise DataError(f"A folder's files are of one quality; give one name, not {', '.join(compressions)}.")
    found = Found(layout=f"a table, {csv.name}" if csv else f"folders {classes[0]}/ and {classes[1]}/")
    if csv:
        rows = read_table(csv, classes)
    else:
        rows, found.odd = list_files(root, classes, follow_links)
    if not rows:
        raise DataError(
            f"{csv or root} names no video or picture; files belong into {root / classes[0]} and "
            f"{root / classes[1]}, or name your folders with --classes."
        )
    splits, found.splits = _splits([row for row in rows if printable(row.path) == row.path], seed)
    level = compressions[0] if compressions else AS_IS
    seen: set[str] = set()
    fakes = {row.path for row in rows if row.label}
    for row in rows:
        split = splits.get(row.path, "")
        reason = "the table names it twice" if row.path in seen else _reason(root, row, fakes, follow_links)
        if reason is None and not split:
            reason = "its people are in two splits, for too few are apart; name splits in a table"
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
    """Path -> split, as the table says; where it says nothing splits are drawn by subject, a twin with its fake.

    Where everybody is joined to everybody, people are assigned one by one; a file of two splits then has none, "".
    """
    subject_of = {row.path: row.subjects[0] for row in rows}
    twins = [(subject_of.get(row.twin, row.twin),) if row.twin else () for row in rows]
    people_of = [(*row.subjects, *twin) for row, twin in zip(rows, twins, strict=True)]
    named: dict[str, str] = {}
    for row, people in zip(rows, people_of, strict=True):
        for person in people if row.split else ():
            if named.setdefault(person, row.split) != row.split:
                raise DataError(f"{person} is in two splits, {named[person]} and {row.split}; put it into one.")
    if all(row.split for row in rows):
        return {row.path: row.split for row in rows}, SplitsOrigin(files="the table")
    if named:
        first = next(row.path for row in rows if not row.split)
        raise DataError(f"{first} has no split, others have; name a split for every file or for none.")
    drawn = _draw(rows, people_of, seed)
    splits = [{drawn[person] for person in people} for people in people_of]
    by_path = {row.path: "".join(split) if len(split) == 1 else "" for row, split in zip(rows, splits, strict=True)}
    return by_path, SplitsOrigin(seed=seed, drawn=drawn)


def _draw(rows: list[Row], people_of: list[tuple[str, ...]], seed: int) -> dict[str, str]:
    """Subject -> split, those in real files and those in none separately, so that each split gets real files, too."""
    everybody = [person for people in people_of for person in people]
    joined = components(everybody, people_of)
    real = {person for row, people in zip(rows, people_of, strict=True) if not row.label for person in people}
    halves = [[people for people in joined if real.isdisjoint(people) == only_fakes] for only_fakes in (False, True)]
    if min(map(len, halves)) < len(SPLITS):
        return draw(everybody, people_of, seed)
    return {
        person: split
        for half in halves
        for person, split in draw([person for people in half for person in people], half, seed).items()
    }


def _reason(root: Path, row: Row, fakes: set[str], follow_links: bool) -> str | None:
    """Why a file cannot be used; None if it can."""
    if printable(row.path) != row.path:
        return "its name is no UTF-8; give it another"
    for place in (row.path, row.twin):
        path = Path(root, place)
        if ".." in Path(place).parts or Path(place).is_absolute():
            return f"{place} leads out of {root}; paths are relative to it"
        try:
            if not path.exists():
                return f"{place} is missing"
            if not follow_links:
                checked(path, root)
        except (DataError, OSError) as error:
            return str(error)
    if row.twin in fakes:
        return f"its twin {row.twin} is a manipulated file"
    if "/" in row.method or row.method in ("", ".", "..") or (row.label and row.method == REAL):
        return f"{row.method!r} is no name of a method"
    return None
