"""Paths: what a file is by its name, and whether it is safe to read."""

from __future__ import annotations

import os
from pathlib import Path

from records.errors import DataError
from records.footage.errors import VideoError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".3gp", ".ts", ".ogv")


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() in VIDEOS


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in PICTURES


def printable(path: Path | str) -> str:
    """A path as text that can be written and shown; `?` stands for bytes that are no UTF-8."""
    return str(path).encode("utf-8", "replace").decode()


def inside(path: Path, root: Path) -> bool:
    """Whether `path`, all links followed, lies in `root`; `root` is resolved already."""
    return Path(os.path.realpath(path)).is_relative_to(root)  # Path.resolve raises where links form a circle


def checked(path: Path, root: Path) -> Path:
    """`path`; raises `DataError` where it, or a picture in it, is a link that leads out of `root`."""
    root = root.resolve()
    try:
        links = [entry.path for entry in os.scandir(path) if entry.is_symlink()] if path.is_dir() else []
    except OSError:  # a folder that cannot be read is named when its pictures are read
        links = []
    for place in (path, *map(Path, links)):
        if not inside(place, root):
            raise DataError(f"{place} is a link that leads out of {root}; copy the file, or give --follow-links.")
    return path


def regular_file(path: Path) -> Path:
    """`path`; raises `VideoError` for a pipe, a device or a folder: reading a pipe would wait for ever."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise VideoError(f"{path} is no file; remove it.")
    return path
