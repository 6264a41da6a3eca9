"""The files of a user's own folder: those of two folders, one a class, or those that a table names."""

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
    """One file, as a line of the table names it.

    Attributes:
        path: relative to the folder.
        label: 1 = manipulated.
        method: manipulation method; `real` for originals.
        subjects: every identity in it, the target first; the path itself where none is known.
        split: train, val or test; empty where it is not known.
        twin: path of the real file that it was made from; empty where it is not known.
    """

    path: str
    label: int
    method: str
    subjects: tuple[str, ...]
    split: str = ""
    twin: str = ""


def list_files(root: Path, classes: Sequence[str], follow_links: bool) -> tuple[list[Row], list[str]]:
    """A row for each file of the two folders, and the paths of what is neither video nor picture.

    Args:
        root: in which the two folders lie.
        classes: their names, the real one first; files in fake/NAME/ are of method NAME.
        follow_links: go into folders that are links.

    Raises:
        DataError: one of the folders is not there.
    """
    rows, odd = [], []
    for label, name in enumerate(classes):
        if not (root / name).is_dir():
            raise DataError(
                f"{root / name} is not there; name your two folders with --classes REAL FAKE, or give --csv."
            )
        for path in _below(root / name, follow_links, ()):
            place = path.relative_to(root).as_posix()
            if path.name.startswith(".") or not (is_video(path) or is_picture(path)):
                odd.append(printable(place))
                continue
            parts = path.relative_to(root / name).parts
            method = parts[0] if len(parts) > 1 and parts[0] != REAL else name
            rows.append(Row(place, label, method if label else REAL, (place,)))
    return rows, odd


def _below(folder: Path, follow_links: bool, above: tuple[Path, ...]) -> list[Path]:
    """The files of a folder and of those in it; links to folders, too, which are followed only where that is asked."""
    above, found = (*above, folder.resolve()), []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and (follow_links or not path.is_symlink()) and path.resolve() not in above:
            found += _below(path, follow_links, above)
        else:
            found.append(path)
    return found


def read_table(path: Path, classes: Sequence[str]) -> list[Row]:
    """The rows of a table in CSV with the columns COLUMNS, of which path and label are needed.

    Args:
        path: of the file.
        classes: names that a label may have besides 0, 1, real and fake; the second one is the method of fakes that
            have none.

    Raises:
        DataError: a table that cannot be read, or a value that is not allowed; the message names the line.
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
                        f"{path}, line {number}: label {given['label']!r} of {given['path']!r} is none of "
                        f"{', '.join(labels)}."
                    )
                if given["split"] not in ("", *SPLITS):
                    raise DataError(f"{path}, line {number}: split {given['split']!r} is none of {', '.join(SPLITS)}.")
                rows.append(_row(given, labels[given["label"]], classes[1]))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} cannot be read as a table ({error}); save it as UTF-8 with commas.") from error
    return rows


def _row(given: dict[str, str], label: int, default_method: str) -> Row:
    path = PurePosixPath(given["path"]).as_posix()  # one name for one file
    twin = PurePosixPath(given["twin"]).as_posix() if given["twin"] else ""
    subjects = tuple(name.strip() for name in given["subject"].split(";") if name.strip())
    method = (given["method"] or default_method) if label else REAL
    return Row(path, label, method, subjects or (path,), given["split"], twin)
