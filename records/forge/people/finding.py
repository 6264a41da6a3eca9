"""Finds the photographs that show one face in colour, and the face in them, in worker processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from records.building import face_detector, in_processes
from records.errors import DataError
from records.forge.people.photos import SHRINK, Photograph, PhotoSkip, list_photographs, read_photograph
from records.progress import progress

DETECTION_SIDE = 320
MIN_COLOUR = 3.0
"""Grey levels; a photograph whose channels differ by less on average is black and white."""
TASKS_A_PROCESS = 200
"""Identities after which a process is replaced, because MTCNN may leak memory with each image."""
Examined = tuple[Photograph | None, list[PhotoSkip]]


def find_faces(
    folder: Path, size: int, most: int | None = None, workers: int = 2
) -> tuple[list[Photograph], list[PhotoSkip]]:
    """Finds the first usable photograph of each identity, and returns the unusable ones before it, too.

    Args:
        folder: folder of the photographs.
        size: side in pixels of the frames that will be made.
        most: number of identities to find; None for all.
        workers: number of processes; the result does not depend on it.

    Raises:
        DataError: the folder is missing, or no image is in it.
    """
    jobs = [(index, folder, files, size) for index, files in enumerate(list_photographs(folder).values())]
    found: list[Photograph] = []
    skips: list[PhotoSkip] = []
    with contextlib.closing(in_processes(_first_usable, jobs, workers, tasks_a_process=TASKS_A_PROCESS)) as results:
        for photograph, skipped in progress(_in_order(results), len(jobs), "Finding faces"):
            skips += skipped
            if photograph is not None:
                found.append(photograph)
            if len(found) == most:
                break
    return found, skips


def _in_order(results: Iterable[tuple[int, Examined]]) -> Iterator[Examined]:
    """Yields (index, result) pairs that come in any order, in the order of their indices and without them."""
    waiting: dict[int, Examined] = {}
    next_index = 0
    for index, result in results:
        waiting[index] = result
        while next_index in waiting:
            yield waiting.pop(next_index)
            next_index += 1


def _first_usable(index: int, folder: Path, files: list[str], size: int) -> tuple[int, Examined]:
    """Examines the photographs of one identity until one can be used; runs in a worker."""
    skips = []
    for file in files:
        try:
            return index, (_examine(folder / file, size), skips)
        except DataError as error:
            skips.append(PhotoSkip(file, str(error)))
        except OSError as error:
            skips.append(PhotoSkip(file, f"cannot be read ({error.strerror})."))
    return index, (None, skips)


def _examine(path: Path, size: int) -> Photograph:
    """Finds the only face of a photograph; raises `DataError` if the photograph cannot be used."""
    image = read_photograph(path)
    height, width = image.shape[:2]
    if min(height, width) * SHRINK < size:
        least = int(np.ceil(size / SHRINK))
        raise DataError(
            f"{width}x{height} is too small for frames of {size} pixels: needs {least}, or a smaller --size."
        )
    if float(np.abs(image.astype(np.int16) - image.mean(axis=2, keepdims=True)).mean()) < MIN_COLOUR:
        raise DataError("not in colour.")
    scale = min(DETECTION_SIDE / max(height, width), 1.0)
    faces = face_detector().detect(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    if not faces:
        raise DataError("no face found.")
    if len(faces) > 1:
        raise DataError(f"{len(faces)} faces found, one is wanted.")
    box = tuple(round(float(value) / scale, 2) for value in faces[0].box)
    points = tuple((round(float(x) / scale, 2), round(float(y) / scale, 2)) for x, y in faces[0].keypoints)
    return Photograph(path.name, box, points)
