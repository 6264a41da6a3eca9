"""Lists the files of a user's own folder: those in its two class folders, or those that a table names."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from records.errors import DataError
from records.footage import is_picture, is_video, printable
from records.sources.clip import REAL, SPLITS

COLUMNS = ("path", "label", "method", "subject", "split", "twin")
LABELS = {"0": 0, "1": 1, "real": 0, "fake": 1}
MAX_ROWS = 2**22


@dataclasses.dataclass(frozen=True)
class Row:
    """One file: a row of the table.

    Attributes:
        path: relative to the folder.
        label: 1 = manipulated.
        method: manipulation method; `real` for originals.
        subjects: every identity in it, the target first; only the path if none is known.
        split: train, val or test; empty if unknown.
        twin: path of the real file that a fake was made from; empty if unknown.
    """

    path: str
    label: int
    method: str
    subjects: tuple[str, ...]
    split: str = ""
    twin: str = ""


def list_files(root: Path, classes: Sequence[str], follow_links: bool) -> tuple[list[Row], list[str]]:
    """A row for each video and picture in the two folders, and the paths of all other files.

    Args:
        root: folder that holds the two folders.
        classes: names of the two folders, the real one first; files in fake/NAME/ have the method NAME.
        follow_links: read folders that are links.

    Raises:
        DataError: one of the folders is missing.
    """
    rows, odd = [], []
    for label, name in enumerate(classes):
        if not (root / name).is_dir():
            raise DataError(
                f"{root / name} does not exist; name your two folders with --classes REAL FAKE, or give --csv."
            )
        for path in _below(root / name, follow_links, ()):
            relative = path.relative_to(root).as_posix()
            if path.name.startswith(".") or not (is_video(path) or is_picture(path)):
                odd.append(printable(relative))
                continue
            parts = path.relative_to(root / name).parts
            method = parts[0] if len(parts) > 1 and parts[0] != REAL else name
            rows.append(Row(relative, label, method if label else REAL, (relative,)))
    return rows, odd


def _below(folder: Path, follow_links: bool, parents: tuple[Path, ...]) -> list[Path]:
    """The files in a folder and its subfolders; a link to a folder is returned itself if it is not followed."""
    parents, found = (*parents, folder.resolve()), []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (follow_links or not path.is_symlink()) and path.resolve() not in parents:
            found += _below(path, follow_links, parents)
        else:
            found.append(path)
    return found


def read_table(path: Path, classes: Sequence[str]) -> list[Row]:
    """Reads a CSV table with the columns COLUMNS; only path and label are required.

    Args:
        path: path of the table.
        classes: names of the two classes, allowed as labels like 0, 1, real and fake; the second one is the method of
            fakes for which the table names none.

    Raises:
        DataError: the table cannot be read, or a value is not allowed; the message names the line.
    """
    rows = []
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
                        f"{path}, line {number}: label {given['label']!r} of {given['path']!r} is not one of "
                        f"{', '.join(labels)}, or the path is empty."
                    )
                if given["split"] not in ("", *SPLITS):
                    raise DataError(
                        f"{path}, line {number}: split {given['split']!r} is not one of {', '.join(SPLITS)}."
                    )
                rows.append(_row(given, labels[given["label"]], classes[1]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error}); save it as UTF-8 with commas.") from error
    return rows


def _row(given: dict[str, str], label: int, default_method: str) -> Row:
    path = PurePosixPath(given["path"]).as_posix()  # ./a//b.mp4 becomes a/b.mp4
    twin = PurePosixPath(given["twin"]).as_posix() if given["twin"] else ""
    subjects = tuple(name.strip() for name in given["subject"].split(";") if name.strip())
    method = (given["method"] or default_method) if label else REAL
    return Row(path, label, method, subjects or (path,), given["split"], twin)
