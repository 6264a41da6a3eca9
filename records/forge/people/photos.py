"""A folder of photographs: which of them show one face in colour, where it is, and a small picture around it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from records.building import in_processes
from records.errors import DataError
from records.forge.camera.motion import canvas_size
from records.forge.geometry import transform
from records.progress import progress

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
MOST_BYTES = 64 * 2**20
SHRINK = 0.7
"""Photographs are shrunk at least to this share of their size, which removes the 8x8 grid of their JPEG file."""
FACE_SHARE = 0.55
"""Height of the face as a share of the frame's side, where the photograph is large enough."""
DETECTION_SIDE = 320
MEAN_COLOUR = 3.0
TASKS_A_PROCESS = 200
"""Identities after which a process is replaced: MTCNN may keep some memory with every image."""


@dataclass(frozen=True)
class Photograph:
    """A photograph with one face: file name, (y0, x0, y1, x1) of the face and key points (x, y), in its own pixels."""

    file: str
    box: tuple[float, float, float, float]
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class PhotoSkip:
    """A photograph that was left out, and why."""

    file: str
    reason: str


Examined = tuple[Photograph | None, list[PhotoSkip]]


def identity_of(file: str) -> str:
    """The identity that a file name stands for: what precedes the last `_`, else the whole name without suffix."""
    stem = Path(file).stem
    return stem.rsplit("_", 1)[0] or stem


def list_photographs(folder: Path) -> dict[str, list[str]]:
    """Identity -> its files, both sorted by name.

    Raises:
        DataError: there is no such folder, or no image in it.
    """
    if not folder.is_dir():
        raise DataError(f"{folder} is not a folder. --faces takes `rendered` or a folder of photographs.")
    files = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and entry.suffix.lower() in SUFFIXES)
    if not files:
        raise DataError(f"{folder} holds no photographs ({', '.join(SUFFIXES)}).")
    people: dict[str, list[str]] = {}
    for file in files:
        people.setdefault(identity_of(file), []).append(file)
    return people


def find_faces(
    folder: Path, size: int, most: int | None = None, workers: int = 2
) -> tuple[list[Photograph], list[PhotoSkip]]:
    """The first usable photograph of each identity, and every photograph that had to be left out on the way.

    Args:
        folder: of the photographs.
        size: side in pixels of the frames that will be made.
        most: stop when that many identities were found.
        workers: number of processes; the result does not depend on it.
    """
    people = list_photographs(folder)
    skips: list[PhotoSkip] = []
    jobs = [(index, folder, files, size) for index, files in enumerate(people.values())]
    results = _in_order(in_processes(_first_usable, jobs, workers, tasks_a_process=TASKS_A_PROCESS))
    usable = _usable(results, skips, most)
    found = list(progress(usable, min(len(jobs), most or len(jobs)), "Finding faces"))
    return found, skips


def read_photograph(path: Path) -> np.ndarray:
    """Decodes a photograph: uint8 (H, W, 3) RGB.

    Raises:
        DataError: the file is too large or does not decode.
    """
    if path.stat().st_size > MOST_BYTES:
        raise DataError(f"{path.name} is larger than {MOST_BYTES // 2**20} MiB.")
    try:
        image = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise DataError(f"{path.name} does not decode: {error}") from error
    if image is None:
        raise DataError(f"{path.name} does not decode; it may be damaged or no image at all.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def canvas_of(image: np.ndarray, photograph: Photograph, size: int) -> tuple[np.ndarray, np.ndarray]:
    """The picture from which frames are cut: shrunk, the face in its middle where the photograph allows.

    Args:
        image: uint8 (H, W, 3).
        photograph: what is known of it.
        size: side of the frames in pixels.

    Returns:
        (canvas, points): float32 (C, C, 3) with C = canvas_size(size), float32 (5, 2) key points in its pixels.
    """
    scale = _scale(image.shape, photograph.box, size)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    factors = np.array((small.shape[1] / image.shape[1], small.shape[0] / image.shape[0]))
    y0, x0, y1, x1 = photograph.box
    centre = np.array(((x0 + x1) / 2, (y0 + y1) / 2)) * factors
    side = canvas_size(size)
    corner = np.rint(centre - side / 2)
    # Keep the frame itself (without the margin for motion) inside of the photograph.
    margin = (side - size) // 2
    corner = np.clip(corner, -margin, np.array((small.shape[1], small.shape[0])) - side + margin)
    before = np.maximum(-corner, 0).astype(int)
    after = np.maximum(corner + side - (small.shape[1], small.shape[0]), 0).astype(int)
    padded = cv2.copyMakeBorder(small, before[1], after[1], before[0], after[0], cv2.BORDER_REFLECT_101)
    x, y = (corner + before).astype(int)
    canvas = padded[y : y + side, x : x + side].astype(np.float32)
    matrix = np.array(((factors[0], 0, -corner[0]), (0, factors[1], -corner[1])), np.float32)
    return canvas, transform(matrix, np.array(photograph.points, np.float32))


def _scale(shape: tuple[int, ...], box: tuple[float, float, float, float], size: int) -> float:
    """How much to shrink: to the wanted share of the face, at least to `SHRINK`, at most to where the frame fits."""
    wanted = FACE_SHARE * size / max(box[2] - box[0], 1.0)
    return min(max(wanted, size / min(shape[:2])), SHRINK)


def _usable(results: Iterable[Examined], skips: list[PhotoSkip], most: int | None) -> Iterator[Photograph]:
    """The photographs that were found, `most` at most; those left out on the way are added to `skips`."""
    found = 0
    for photograph, skipped in results:
        skips += skipped
        if photograph is not None:
            found += 1
            yield photograph
        if found == most:
            return


def _in_order(results: Iterable[tuple[int, Examined]]) -> Iterator[Examined]:
    """What the processes give, by index, held back until all before it have come."""
    waiting: dict[int, Examined] = {}
    due = 0
    for index, result in results:
        waiting[index] = result
        while due in waiting:
            yield waiting.pop(due)
            due += 1


_detector = None


def _first_usable(index: int, folder: Path, files: list[str], size: int) -> tuple[int, Examined]:
    """Looks at the photographs of one identity until one can be used (runs in a worker)."""
    skips = []
    for file in files:
        try:
            return index, (_examine(folder / file, size), skips)
        except (DataError, OSError) as error:
            skips.append(PhotoSkip(file, str(error)))
    return index, (None, skips)


def _examine(path: Path, size: int) -> Photograph:
    """Finds the one face of a photograph, or says why it cannot be used."""
    global _detector
    image = read_photograph(path)
    height, width = image.shape[:2]
    if min(height, width) * SHRINK < size:
        least = int(np.ceil(size / SHRINK))
        raise DataError(
            f"{width}x{height} is too small for frames of {size} pixels: needs {least}, or a smaller --size."
        )
    if float(np.abs(image.astype(np.int16) - image.mean(axis=2, keepdims=True)).mean()) < MEAN_COLOUR:
        raise DataError("not in colour.")
    if _detector is None:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        from records.building import face_detector

        _detector = face_detector()
    scale = min(DETECTION_SIDE / max(height, width), 1.0)
    faces = _detector.detect(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    if not faces:
        raise DataError("no face found.")
    if len(faces) > 1:
        raise DataError(f"{len(faces)} faces found, one is wanted.")
    box = tuple(round(float(value) / scale, 2) for value in faces[0].box)
    points = tuple((round(float(x) / scale, 2), round(float(y) / scale, 2)) for x, y in faces[0].keypoints)
    return Photograph(path.name, box, points)
