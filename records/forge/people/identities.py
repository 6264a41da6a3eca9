"""Chooses the people of a forged data set: their names, the source of their clips, and skipped photographs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike

from records.atomic import write_json
from records.errors import DataError
from records.forge.options import RENDERED_IDENTITIES, ForgeOptions
from records.forge.people.clips import Faces, PhotographedFaces, RenderedFaces
from records.forge.people.finding import find_faces
from records.forge.people.person import make_person
from records.forge.people.photos import Photograph, PhotoSkip

MIN_IDENTITIES = 6  # one pair each in train, val and test


@dataclasses.dataclass(frozen=True)
class People:
    """The people of a data set.

    Attributes:
        faces: source of their untouched clips.
        names: names of the identities, 000, 001, ...; an even number.
        looks: float64 (N, 5), pose and skin colour of each; people whose rows are near each other look alike.
        skips: photographs that were left out.
    """

    faces: Faces
    names: list[str]
    looks: np.ndarray
    skips: list[PhotoSkip]


def find_people(options: ForgeOptions, faces_file: Path, workers: int, say: Callable[[str], None]) -> People:
    """The people that the options ask for; finds faces in photographs unless an interrupted run has done so.

    Args:
        options: options of the data set.
        faces_file: JSON file of the faces found; it is read if it exists, else written.
        workers: number of processes that look for faces.
        say: prints one line of text.

    Raises:
        DataError: too few photographs can be used (the message has the reasons), or `faces_file` is damaged.
    """
    folder = options.photographs
    if folder is None:
        names = _names(options.identities or RENDERED_IDENTITIES)
        skins = [make_person(options.seed, name).skin for name in names]
        looks = np.array([_looks((0.0, 0.0), skin) for skin in skins])
        return People(RenderedFaces(options.seed, options.size, options.frames), names, looks, [])
    if faces_file.is_file():
        found, skips = _load(faces_file)
    else:
        found, skips = find_faces(folder, options.size, options.identities, workers)
        _save(faces_file, found, skips)
    if len(found) % 2:
        skips.append(PhotoSkip(found.pop().file, "left over: identities go in pairs."))
    wanted = options.identities or MIN_IDENTITIES
    if len(found) < wanted:
        reasons = "; ".join(f"{skip.file}: {skip.reason}" for skip in skips[:5])
        raise DataError(
            f"{folder} gives {len(found)} usable identities, but {wanted} are needed;"
            f" {len(skips)} photographs were left out: {reasons}."
        )
    say(f"{len(found)} identities, {len(skips)} photographs left out.")
    names = _names(len(found))
    of_name = dict(zip(names, found, strict=True))
    looks = np.array([_looks(photograph.pose, photograph.skin) for photograph in found])
    return People(PhotographedFaces(options.seed, options.size, options.frames, folder, of_name), names, looks, skips)


def _looks(pose: tuple[float, float], skin: ArrayLike) -> np.ndarray:
    """Yaw and pitch in units of 8 degrees, and CIELAB's L*, a*, b* of the skin in units of 6: (5,)."""
    colour = np.array(skin, np.float32).reshape(1, 1, 3) / 255
    return np.concatenate((np.array(pose) / 8, cv2.cvtColor(colour, cv2.COLOR_RGB2LAB)[0, 0] / 6))


def _names(count: int) -> list[str]:
    return [f"{number:03d}" for number in range(count)]


def _save(path: Path, found: list[Photograph], skips: list[PhotoSkip]) -> None:
    content = {"found": [dataclasses.asdict(p) for p in found], "skips": [dataclasses.asdict(s) for s in skips]}
    write_json(path, content, indent=None)


def _load(path: Path) -> tuple[list[Photograph], list[PhotoSkip]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        found = [Photograph(**one) for one in content["found"]]
        return found, [PhotoSkip(**skip) for skip in content["skips"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} cannot be read ({error}). Remove it; the next run finds the faces again.") from error
