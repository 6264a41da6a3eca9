"""Folders of numbered pictures, which stand for the frames of a video."""

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
        folder: of the pictures.
        sampled: whether numbers may be missing.

    Raises:
        VideoError: a folder that cannot be read, no picture, two of one number, or, unless `sampled`, a number that is
            missing.
    """
    try:
        return _numbered(folder, sampled, folder.stat().st_mtime_ns)
    except OSError as error:
        raise VideoError(f"{folder} cannot be read ({error.strerror}); change its permissions.") from error


@functools.lru_cache(maxsize=64)
def _numbered(folder: Path, sampled: bool, _changed: int) -> tuple[Path, ...]:
    """`numbered`, remembered until the folder's time of change is another."""
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        digits = "".join(character if character.isdecimal() else " " for character in path.stem).split()
        if path.name.startswith(".") or path.suffix.lower() not in ("", *PICTURES) or not digits or path.is_dir():
            continue
        if len(digits[-1]) > MAX_DIGITS or len(found) >= MAX_FRAMES:
            raise VideoError(f"{folder} holds too many pictures, or {path.name} too large a number.")
        if int(digits[-1]) in found:
            raise VideoError(f"{folder} holds two pictures of number {int(digits[-1])}; remove one.")
        found[int(digits[-1])] = path
    if not found:
        raise VideoError(f"{folder} holds no numbered pictures.")
    order = sorted(found)
    if not sampled and order[-1] - order[0] + 1 != len(order):
        missing = next(number for number in range(order[0], order[-1]) if number not in found)
        raise VideoError(f"{folder} lacks the picture of number {missing}; the frames after it would not fit its twin.")
    return tuple(found[number] for number in order)
