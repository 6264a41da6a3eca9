"""Tells the kind of a file by its name, and checks that a path is safe to read."""

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
    """A path as text that can be printed and written; `?` replaces bytes that are not UTF-8."""
    return str(path).encode("utf-8", "replace").decode()


def inside(path: Path, root: Path) -> bool:
    """Whether `path` lies in `root` after all links are followed; `root` must be resolved."""
    return Path(os.path.realpath(path)).is_relative_to(root)  # Path.resolve raises where links form a circle


def checked(path: Path, root: Path) -> Path:
    """Returns `path`; raises `DataError` if it, or a file in it, is a link that leads out of `root`."""
    root = root.resolve()
    try:
        links = [entry.path for entry in os.scandir(path) if entry.is_symlink()] if path.is_dir() else []
    except OSError:  # reading the pictures of such a folder raises an error that names it
        links = []
    for entry in (path, *map(Path, links)):
        if not inside(entry, root):
            raise DataError(f"{entry} is a link that leads out of {root}; copy the file, or give --follow-links.")
    return path


def regular_file(path: Path) -> Path:
    """Returns `path`; raises `VideoError` for a pipe, a device or a folder: reading a pipe would never end."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise VideoError(f"{path} is not a file; remove it.")
    return path
