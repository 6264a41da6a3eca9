"""Folders of numbered pictures, each picture a frame of a video."""

from __future__ import annotations

import functools
from pathlib import Path

from records.footage.errors import VideoError
from records.footage.paths import PICTURES

MAX_FRAMES = 2**20
MAX_DIGITS = 18


def numbered(folder: Path, sampled: bool = False) -> tuple[Path, ...]:
    """The pictures of a folder in the order of their numbers: `0000.png`, `001`, `frame12.jpg`.

    Args:
        folder: folder of the pictures.
        sampled: whether numbers may be missing.

    Raises:
        VideoError: the folder cannot be read, it holds no numbered picture, two pictures have the same number, or a
            number is missing and `sampled` is False.
    """
    try:
        return _numbered(folder, sampled, folder.stat().st_mtime_ns)
    except OSError as error:
        raise VideoError(f"{folder} cannot be read ({error.strerror}); change its permissions.") from error


@functools.lru_cache(maxsize=64)
def _numbered(folder: Path, sampled: bool, _changed: int) -> tuple[Path, ...]:
    """`numbered`, cached until the folder's modification time, `_changed`, is another."""
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        digits = "".join(character if character.isdecimal() else " " for character in path.stem).split()
        if path.name.startswith(".") or path.suffix.lower() not in ("", *PICTURES) or not digits or path.is_dir():
            continue
        if len(digits[-1]) > MAX_DIGITS or len(found) >= MAX_FRAMES:
            raise VideoError(f"{folder} holds too many pictures, or the number of {path.name} is too large.")
        if int(digits[-1]) in found:
            raise VideoError(f"{folder} holds two pictures with the number {int(digits[-1])}; remove one.")
        found[int(digits[-1])] = path
    if not found:
        raise VideoError(f"{folder} holds no numbered pictures.")
    order = sorted(found)
    if not sampled and order[-1] - order[0] + 1 != len(order):
        missing = next(number for number in range(order[0], order[-1]) if number not in found)
        raise VideoError(
            f"{folder} lacks the picture with the number {missing}; later frames would not fit those of the twin."
        )
    return tuple(found[number] for number in order)
