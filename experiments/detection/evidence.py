"""Pictures of each person's most suspicious frames: the frame, the face, what AFSR made of it, and what changed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from faces import Face

KEPT = 3  # sights of a person
APART = 1.0  # seconds between them
PEOPLE = 4  # of a file who are shown, the most suspicious ones
FRAME_SIDE = 640  # longest side of a frame that is shown, pixels
FACE_SIDE = 192  # of a face that is shown, pixels
CHANGE_GAIN = 20.0  # of the artifact map; AFSR changes faces by a few grey levels
QUALITY = 85  # of the JPEGs
RED = (255, 64, 48)


@dataclasses.dataclass(frozen=True)
class Shot:
    """One sight as pictures, each an encoded file.

    Attributes:
        person: the person's number.
        frame: index of the frame in the file.
        second: its time.
        log10_likelihood_ratio: of this sight.
        scene: JPEG of the frame with a box around the face.
        face: PNG of the crop that the model read; empty until the sight is chosen.
        restored: PNG of AFSR's reconstruction; None if the model does not give it.
        change: PNG of the artifact map: how far the reconstruction departs from the face, mean of the channels, times
            `CHANGE_GAIN`, white where it is most; None without a reconstruction.
    """

    person: int
    frame: int
    second: float
    log10_likelihood_ratio: float
    scene: bytes
    face: bytes = b""
    restored: bytes | None = None
    change: bytes | None = None


@dataclasses.dataclass(frozen=True)
class _Kept:
    shot: Shot
    image: np.ndarray
    keypoints: np.ndarray


class Gallery:
    """Keeps the most suspicious sights of each person while a file is looked at, in bounded memory for each person.

    Args:
        kept: number of sights of a person.
    """

    def __init__(self, kept: int = KEPT) -> None:
        self._size = kept
        self._kept: dict[int, list[_Kept]] = {}

    def offer(self, shot: Shot, image: np.ndarray, keypoints: np.ndarray) -> None:
        """Keeps a sight if it is among the most suspicious ones of its person; of neighbouring ones, one is kept.

        Args:
            shot: the sight, without `face`, `restored` and `change`.
            image: the crop that the model read, uint8 (S, S, 3).
            keypoints: float32 (5, 2) in [0, 1].
        """
        kept = self._kept.setdefault(shot.person, [])
        near = [one for one in kept if abs(one.shot.second - shot.second) < APART]
        if any(one.shot.log10_likelihood_ratio >= shot.log10_likelihood_ratio for one in near):
            return
        rest = [one for one in kept if all(one is not other for other in near)]
        rest.append(_Kept(shot, image, keypoints))
        rest.sort(key=lambda one: -one.shot.log10_likelihood_ratio)
        self._kept[shot.person] = rest[: self._size]

    def shots(
        self, people: Sequence[int], explain: Callable[[np.ndarray, np.ndarray], np.ndarray] | None
    ) -> Iterator[Shot]:
        """The sights of these people, with what the model's explanation shows.

        Args:
            people: numbers, the most suspicious first.
            explain: see `experiments.detection.Model`.
        """
        kept = [one for number in people[:PEOPLE] for one in self._kept.get(number, ())]
        if explain is None or not kept:
            yield from (dataclasses.replace(one.shot, face=face_of(one.image)) for one in kept)
            return
        restored = explain(np.stack([one.image for one in kept]), np.stack([one.keypoints for one in kept]))
        for one, image in zip(kept, restored, strict=True):
            levels = (np.clip(image, -1, 1) + 1) * 127.5
            change = np.abs(levels - one.image).mean(axis=-1) * CHANGE_GAIN
            yield dataclasses.replace(
                one.shot,
                face=face_of(one.image),
                restored=face_of(levels.round().astype(np.uint8)),
                change=face_of(np.clip(change, 0, 255).round().astype(np.uint8)),
            )


def scene_of(rgb: np.ndarray, face: Face) -> bytes:
    """A JPEG of the frame, shrunk, with a box around the face."""
    scale = min(1.0, FRAME_SIDE / max(rgb.shape[:2]))
    image = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else rgb.copy()
    y0, x0, y1, x1 = (round(scale * edge) for edge in face.box)
    cv2.rectangle(image, (x0, y0), (x1, y1), RED, 2)
    return cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def face_of(image: np.ndarray) -> bytes:
    """A PNG of a crop, uint8 (S, S, 3) or (S, S), enlarged by a whole number, so that single pixels can be seen."""
    times = max(1, FACE_SIDE // image.shape[0])
    large = cv2.resize(image, None, fx=times, fy=times, interpolation=cv2.INTER_NEAREST)
    return cv2.imencode(".png", large if large.ndim == 2 else large[..., ::-1])[1].tobytes()
