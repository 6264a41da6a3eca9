"""Reads the files of data sets' folders, to compare two of them."""

from hashlib import sha256

from records.atomic import MARK


def content(folder):
    """Relative path of every file -> its size and hash, so that a failed comparison prints names instead of bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_size, sha256(path.read_bytes()).hexdigest())
        for path in files
    }


def media(folder):
    """`content` without the notes, which differ between layouts, the networks' weights, and what a kill has left."""
    return {
        name: value
        for name, value in content(folder).items()
        if name not in ("forge.json", "README.txt") and not name.startswith("networks/") and MARK not in name
    }


def differing(folder, other):
    """The files that differ between two folders."""
    first, second = content(folder), content(other)
    names = {*first, *second}
    return {name: (first.get(name), second.get(name)) for name in names if first.get(name) != second.get(name)}
