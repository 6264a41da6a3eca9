"""The pictures that the networks painted for one manipulated clip, in a file that needs no TensorFlow to be read."""

from __future__ import annotations

import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from records.atomic import atomic_file
from records.errors import DataError
from records.forge.networks.crops import SIDE


@dataclass(frozen=True)
class Painted:
    """The networks' pictures of one clip, as crops around the target's face; `paste_crop` brings them into the frame.

    Attributes:
        swapped: uint8 (T, SIDE, SIDE, 3), the source's face with the target's pose and expression.
        mouth: uint8 (T, SIDE, SIDE, 3), the target's face with the source's lips. Only the lower face is rendered.
    """

    swapped: np.ndarray
    mouth: np.ndarray


def source_frame(frame: int, frames: int) -> int:
    """The source's frame that is used for the target's frame number `frame`; both clips have `frames` frames.

    The source plays at half speed: more motion would raise the bit rate above that of real clips.
    """
    return (frames // 2 + frame) // 2


def painted_file(folder: Path, target: str, source: str) -> Path:
    """The file of one clip."""
    return folder / f"{target}_{source}.npz"


def write_painted(folder: Path, target: str, source: str, painted: Painted) -> None:
    """Writes the pictures of one clip atomically; raises `DataError` if the disk is full."""
    with atomic_file(painted_file(folder, target, source)) as temporary:
        np.savez_compressed(temporary, swapped=painted.swapped, mouth=painted.mouth)


def read_painted(folder: Path, target: str, source: str) -> Painted:
    """Reads the pictures of one clip.

    Raises:
        DataError: the file is missing, damaged, or holds pictures of another size.
    """
    path = painted_file(folder, target, source)
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as content:
            painted = Painted(content["swapped"], content["mouth"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}). Remove it; the same command paints it again.") from error
    for name, pictures in vars(painted).items():
        if pictures.dtype != np.uint8 or pictures.shape != (len(painted.swapped), SIDE, SIDE, 3):
            raise DataError(
                f"{path}: {name} is {pictures.dtype} {pictures.shape}, not uint8 pictures of {SIDE} x {SIDE} pixels. "
                "Remove it; the same command paints it again."
            )
    return painted


def is_painted(folder: Path, target: str, source: str) -> bool:
    """Whether the file of one clip is there and can be read."""
    if not painted_file(folder, target, source).is_file():
        return False
    try:
        read_painted(folder, target, source)
    except DataError:
        return False
    return True
