"""From what a user types to the files that are looked at: paths, folders, patterns, a list on standard input."""

from __future__ import annotations

import dataclasses
import glob
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from records.footage import is_picture, is_video

LIST = "-"  # stands for the list on standard input


@dataclasses.dataclass(frozen=True)
class Item:
    """One file to look at, or a name for which there is none.

    Attributes:
        path: the file, as it was given or found.
        reason: why it cannot be looked at; None for a file.
    """

    path: Path
    reason: str | None = None


def items(arguments: Iterable[str], listed: BinaryIO) -> Iterator[Item]:
    """The files that the arguments name, each once, in the order given.

    Args:
        arguments: names of files; of folders, in which all pictures and videos are looked at, sub-folders as well;
            patterns such as `*.mp4`; `-` for the list.
        listed: a list of such names, one a line, which may hold any bytes but a newline.

    Yields:
        Files in the order of the arguments, those of a folder or pattern by name. A name without a file, or a folder
        without pictures and videos, is an item with a reason.
    """
    seen: set[str] = set()
    for name in _names(arguments, listed):
        for item in _found(name):
            if (key := os.path.abspath(item.path)) not in seen:
                seen.add(key)
                yield item


def _names(arguments: Iterable[str], listed: BinaryIO) -> Iterator[str]:
    for argument in arguments:
        if argument == LIST:
            yield from (os.fsdecode(line.rstrip(b"\r\n")) for line in listed if line.strip())
        else:
            yield argument


def _found(name: str) -> Iterator[Item]:
    path = Path(name)
    if os.path.isdir(path):
        inside = sorted(_media(path))
        yield from map(_item, inside)
        if not inside:
            yield Item(path, "the folder holds no picture and no video")
    elif os.path.lexists(path):
        yield _item(path)
    else:
        matching = sorted(glob.glob(name, recursive=True)) if glob.has_magic(name) else []
        for match in matching:
            yield from _found(match)
        if not matching:
            yield Item(path, "there is no such file")


def _item(path: Path) -> Item:
    """A file; a pipe, device or broken link, reading which might never end, becomes an item with a reason."""
    return Item(path, None if os.path.isfile(path) else "it is not a regular file")


def _media(folder: Path) -> Iterator[Path]:
    """Pictures and videos below a folder, by their names; links to other folders are not followed."""
    for place, _, names in os.walk(folder):
        yield from (path for path in (Path(place, name) for name in names) if is_picture(path) or is_video(path))
