"""Reads a folder of photographs: the identity of each, its pixels, and a picture cut out around the face."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from records.errors import DataError
from records.footage import PICTURES, VideoError, is_picture, read_picture
from records.forge.camera import canvas_size

MAX_BYTES = 64 * 2**20
SHRINK = 0.7
"""Photographs are shrunk to this share of their size or less, which removes the 8x8 grid of their JPEG file."""
FACE_SHARE = 0.55
"""Height of the face as a share of the frame's side, if the photograph is large enough."""


@dataclass(frozen=True)
class Photograph:
    """A photograph with one face; places are in pixels of the photograph.

    Attributes:
        file: its name in the folder.
        box: the face's y0, x0, y1, x1.
        points: x and y of the five key points.
        mesh: x and y of the 468 points of the mesh.
        pose: yaw and pitch of the head in degrees.
        skin: mean colour of the face, RGB in [0, 255].
    """

    file: str
    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...]
    mesh: tuple[tuple[float, float], ...]
    pose: tuple[float, float]
    skin: tuple[float, float, float]


@dataclass(frozen=True)
class PhotoSkip:
    """A photograph that was left out, and why."""

    file: str
    reason: str


def identity_of(file: str) -> str:
    """The identity in a file's name: the part before the last `_`, or the whole name without suffix."""
    stem = Path(file).stem
    return stem.rsplit("_", 1)[0] or stem


def list_photographs(folder: Path) -> dict[str, list[str]]:
    """Identity -> its files, both sorted by name.

    Raises:
        DataError: the folder is missing, or no image is in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. --faces takes `rendered` or a folder of photographs.")
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and is_picture(entry))
    if not files:
        raise DataError(f"{folder} holds no photographs ({', '.join(PICTURES)}).")
    people: dict[str, list[str]] = {}
    for file in files:
        people.setdefault(identity_of(file), []).append(file)
    return people


def fingerprint(folder: Path) -> str:
    """A hash of the photographs' names and sizes, which changes if photographs are added, removed or replaced."""
    files = [file for of_person in list_photographs(folder).values() for file in of_person]
    lines = [f"{file} {(folder / file).stat().st_size}" for file in files]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def read_photograph(path: Path) -> np.ndarray:
    """Decodes a photograph: uint8 (H, W, 3) RGB, upright.

    Raises:
        DataError: the file is too large, does not decode or is cut off; the message has the file's name without folder.
    """
    if path.stat().st_size > MAX_BYTES:
        raise DataError(f"{path.name} is larger than {MAX_BYTES // 2**20} MiB.")
    try:
        return read_picture(path)
    except VideoError as error:
        raise DataError(str(error).replace(str(path), path.name)) from error


def canvas_of(image: np.ndarray, box: tuple[float, float, float, float], size: int) -> tuple[np.ndarray, np.ndarray]:
    """Shrinks a photograph and cuts out the canvas that frames are cut from, if possible with the face in its middle.

    Args:
        image: uint8 (H, W, 3).
        box: the face's y0, x0, y1, x1 in pixels.
        size: side of the frames in pixels.

    Returns:
        (canvas, matrix): float32 (C, C, 3) with C = canvas_size(size); float32 (2, 3), the map from the photograph's
        pixels to the canvas's.
    """
    scale = _scale(image.shape, box, size)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    factors = np.array((small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]))
    y0, x0, y1, x1 = box
    centre = np.array(((x0 + x1) / 2, (y0 + y1) / 2)) * factors
    side = canvas_size(size)
    corner = np.rint(centre - side / 2)
    # The frame itself, without the margin for motion, stays inside of the photograph.
    margin = (side - size) // 2
    corner = np.clip(corner, -margin, np.array((small.shape[1], small.shape[0])) - side + margin)
    before = np.maximum(-corner, 0).astype(int)
    after = np.maximum(corner + side - (small.shape[1], small.shape[0]), 0).astype(int)
    padded = cv2.copyMakeBorder(small, before[1], after[1], before[0], after[0], cv2.BORDER_REFLECT_101)
    x, y = (corner + before).astype(int)
    canvas = padded[y : y + side, x : x + side].astype(np.float32)
    return canvas, np.array(((factors[0], 0, -corner[0]), (0, factors[1], -corner[1])), np.float32)


def _scale(shape: tuple[int, ...], box: tuple[float, float, float, float], size: int) -> float:
    """The factor that gives the face its share of the frame; at most `SHRINK`, and not below what the frame needs."""
    wanted = FACE_SHARE * size / max(box[2] - box[0], 1.0)
    return min(max(wanted, size / min(shape[:2])), SHRINK)
