"""A user's own folder, of real and of manipulated videos and pictures: a folder, and perhaps a table, become clips."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from records.errors import DataError
from records.footage.footage import Footage, checked, is_picture, is_video, printable
from records.sources import splits as drawn
from records.sources.clip import REAL, SPLITS, Clip, Found, Skip

AS_IS = "as-is"
COLUMNS = ("path", "label", "method", "subject", "split", "twin")
MAX_ROWS = 2**22
LABELS = {"0": 0, "1": 1, "real": 0, "fake": 1}


def find_clips(
    root: Path,
    classes: Sequence[str] = ("real", "fake"),
    csv_path: Path | None = None,
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
        csv_path: a table with the columns path (relative to ROOT), label (0, 1 or a class's name) and, where known,
            method, subject, split (train, val, test) and twin (path of the real file that a fake was made from); it
            takes the place of the two folders.
        compressions: one name for the quality of all files, `as-is` when not given.
        dataset: first part of the videos' ids.
        seed: of the split, for what has none: subjects are dealt out, each file being one where the table names none.
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
    found = Found(layout=f"a table, {csv_path.name}" if csv_path else f"folders {classes[0]}/ and {classes[1]}/")
    rows = list(_table(csv_path, classes) if csv_path else _walk(root, classes, follow_links, found))
    if not rows:
        raise DataError(
            f"{csv_path or root} names no video or picture; files belong into {root / classes[0]} and "
            f"{root / classes[1]}, or name your folders with --classes."
        )
    splits = _splits([row for row in rows if printable(row["path"]) == row["path"]], seed, found)
    level = compressions[0] if compressions else AS_IS
    seen: set[str] = set()
    fakes = {row["path"] for row in rows if row["label"]}
    for row in rows:
        video = printable(f"{dataset}/{row['method']}/{level}/{row['path']}")
        split = splits.get(row["path"], "")
        reason = _reason(root, row, seen, fakes, follow_links)
        if reason is None and not split:
            reason = "its people are in two splits, for too few are apart; name splits in a table"
        if reason is not None:
            found.skips.append(Skip(video, row["label"], reason, split))
            continue
        seen.add(row["path"])
        path = Footage(root / row["path"])
        twin = Footage(root / row["twin"]) if row["twin"] else path
        found.clips.append(
            Clip(
                dataset,
                row["method"],
                level,
                split,
                row["path"],
                path,
                row["label"],
                (row["subject"], *row["others"]),
                twin=row["twin"] or row["path"],
                pristine=twin,
                best=path,
                quality=level,
                target_known=False,
                mask_known=bool(row["twin"]) and row["label"] == 1,
            )
        )
    if not any(row["twin"] for row in rows):
        found.remarks.append("No file has a twin: AFSR learns nothing from these records, only the classifier does.")
    return found


def _walk(root: Path, classes: Sequence[str], follow_links: bool, found: Found) -> Iterator[dict]:
    """A row for each file of the two folders; what is neither video nor picture is named as odd."""
    for label, name in enumerate(classes):
        if not (root / name).is_dir():
            raise DataError(
                f"{root / name} is not there; name your two folders with --classes REAL FAKE, or give --csv."
            )
        for path in _below(root / name, follow_links, ()):
            place = path.relative_to(root).as_posix()
            if path.name.startswith(".") or not (is_video(path) or is_picture(path)):
                found.odd.append(printable(place))
                continue
            parts = path.relative_to(root / name).parts
            method = parts[0] if len(parts) > 1 and parts[0] != REAL else name
            yield _row(place, label, method if label else REAL)


def _below(folder: Path, follow_links: bool, above: tuple[Path, ...]) -> Iterator[Path]:
    """The files of a folder and of those in it; links to folders, too, which are followed only where that is asked."""
    above = (*above, folder.resolve())
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (follow_links or not path.is_symlink()) and path.resolve() not in above:
            yield from _below(path, follow_links, above)
        else:
            yield path


def _table(path: Path, classes: Sequence[str]) -> Iterator[dict]:
    labels = {**LABELS, classes[0]: 0, classes[1]: 1}
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if missing := {"path", "label"} - {*(reader.fieldnames or ())}:
                raise DataError(
                    f"{path} lacks the column {sorted(missing)[0]!r}; its columns are {', '.join(COLUMNS)}."
                )
            for number, values in enumerate(reader, start=2):
                if number > MAX_ROWS:
                    raise DataError(f"{path} has more than {MAX_ROWS} rows.")
                given = {name: (values.get(name) or "").strip() for name in COLUMNS}
                if given["label"] not in labels or not given["path"]:
                    raise DataError(
                        f"{path}, line {number}: label {given['label']!r} of {given['path']!r} is none of "
                        f"{', '.join(labels)}."
                    )
                if given["split"] not in ("", *SPLITS):
                    raise DataError(f"{path}, line {number}: split {given['split']!r} is none of {', '.join(SPLITS)}.")
                label = labels[given["label"]]
                method = (given["method"] or classes[1]) if label else REAL
                yield _row(given["path"], label, method, given["subject"], given["split"], given["twin"])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error}); save it as UTF-8 with commas.") from error


def _row(path: str, label: int, method: str, subject: str = "", split: str = "", twin: str = "") -> dict:
    path, twin = PurePosixPath(path).as_posix(), twin and PurePosixPath(twin).as_posix()  # one name for one file
    subjects = [name.strip() for name in subject.split(";") if name.strip()] or [path]
    return {
        "path": path,
        "label": label,
        "method": method,
        "subject": subjects[0],
        "others": tuple(subjects[1:]),
        "split": split,
        "twin": twin,
    }


def _splits(rows: list[dict], seed: int, found: Found) -> dict[str, str]:
    """Path -> split: as the table says; what it leaves open is dealt out by subject, a twin with its fake.

    Where everybody is joined to everybody, people are dealt out one by one; a file of two splits then has none, "".
    """
    subject_of = {row["path"]: row["subject"] for row in rows}
    twins = [(subject_of.get(row["twin"], row["twin"]),) if row["twin"] else () for row in rows]
    groups = [(row["subject"], *row["others"], *twin) for row, twin in zip(rows, twins, strict=True)]
    named: dict[str, str] = {}
    for row, group in zip(rows, groups, strict=True):
        for person in group if row["split"] else ():
            if named.setdefault(person, row["split"]) != row["split"]:
                raise DataError(f"{person} is in two splits, {named[person]} and {row['split']}; put it into one.")
    if all(row["split"] for row in rows):
        found.splits = {"from": "the table"}
        return {row["path"]: row["split"] for row in rows}
    if named:
        first = next(row["path"] for row in rows if not row["split"])
        raise DataError(f"{first} has no split, others have; name a split for every file or for none.")
    dealt = _deal(rows, groups, seed)
    found.splits = {"drawn with seed": seed, "subjects": dealt}
    splits = [{dealt[person] for person in group} for group in groups]
    return {row["path"]: "".join(split) if len(split) == 1 else "" for row, split in zip(rows, splits, strict=True)}


def _deal(rows: list[dict], groups: list[tuple[str, ...]], seed: int) -> dict[str, str]:
    """Subject -> split. Who is in a real file and who is not are dealt out apart: each split gets real files, too."""
    everybody = [person for group in groups for person in group]
    joined = drawn.components(everybody, groups)
    real = {person for row, group in zip(rows, groups, strict=True) if not row["label"] for person in group}
    halves = [[people for people in joined if real.isdisjoint(people) == alone] for alone in (False, True)]
    if min(map(len, halves)) < len(SPLITS):
        return drawn.draw(everybody, groups, seed)
    return {
        person: split
        for half in halves
        for person, split in drawn.draw([person for people in half for person in people], half, seed).items()
    }


def _reason(root: Path, row: dict, seen: set[str], fakes: set[str], follow_links: bool) -> str | None:
    """Why a row cannot be used; None if it can."""
    if printable(row["path"]) != row["path"]:
        return "its name is no UTF-8; give it another"
    if row["path"] in seen:
        return "the table names it twice"
    for place in (row["path"], row["twin"]):
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
    if row["twin"] in fakes:
        return f"its twin {row['twin']} is a manipulated file"
    if "/" in row["method"] or row["method"] in ("", ".", "..") or (row["label"] and row["method"] == REAL):
        return f"{row['method']!r} is no name of a method"
    return None
