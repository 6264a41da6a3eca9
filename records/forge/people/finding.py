"""Finds the photographs that show one face in colour, and the face in them, in worker processes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import cv2
import numpy as np

from records.building import face_detector, in_processes
from records.errors import DataError
from records.forge.mesh import find_mesh, head_pose
from records.forge.people.photos import SHRINK, Photograph, PhotoSkip, list_photographs, read_photograph
from records.progress import progress

DETECTION_SIDE = 320
MIN_COLOUR = 3.0
"""Grey levels; a photograph whose channels differ by less on average is black and white."""
MOST_TURNED = 35
"""Degrees; a head that is turned farther hides a part of its mesh."""
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
    box, points = np.array(faces[0].box) / scale, np.array(faces[0].keypoints) / scale
    mesh, _ = find_mesh(image, points)
    yaw, pitch = head_pose(mesh)
    if max(abs(yaw), abs(pitch)) > MOST_TURNED:
        raise DataError(f"the head is turned by {yaw:.0f} and {pitch:.0f} degrees; at most {MOST_TURNED} are wanted.")
    return Photograph(
        path.name,
        tuple(round(float(value), 2) for value in box),
        _rounded(points),
        _rounded(mesh[:, :2]),
        (round(yaw, 1), round(pitch, 1)),
        tuple(round(float(value), 1) for value in _skin(image, mesh[:, :2])),
    )


def _rounded(points: np.ndarray) -> tuple[tuple[float, float], ...]:
    return tuple((round(float(x), 2), round(float(y), 2)) for x, y in points)


def _skin(image: np.ndarray, mesh: np.ndarray) -> np.ndarray:
    """The mean colour inside the outline of the mesh: (3,)."""
    inside = np.zeros(image.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(mesh).astype(np.int32)), 1)
    return np.array(cv2.mean(image, inside)[:3])
