"""Footage: the frames of a video, of a folder of numbered pictures, or of one picture.

Functions that take `Footage` accept a path, too.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from records.errors import DataError
from records.footage import video
from records.footage.encoding import Encoding, write_encoded
from records.footage.errors import VideoError
from records.footage.folders import numbered
from records.footage.paths import regular_file
from records.footage.video import VideoInfo


@dataclasses.dataclass(frozen=True)
class Footage:
    """The files that a clip's frames are read from.

    Attributes:
        path: path of a video, a folder of pictures, or a picture.
        encoding: how to encode the frames again before they are used; None uses them as they are.
        sampled: whether numbers may be missing because the folder holds only some frames of the video.
    """

    path: Path
    encoding: Encoding | None = None
    sampled: bool = False

    def __str__(self) -> str:
        return str(self.path)


def info(footage: Footage | Path) -> VideoInfo:
    """The headers of a video or picture; for a folder, those of its first picture and the number of pictures.

    Raises:
        VideoError: neither a video nor a picture, an empty folder, or a folder with a missing number.
    """
    footage = _footage(footage)
    if not os.path.isdir(footage.path):
        return video.info(regular_file(footage.path))
    pictures = numbered(footage.path, footage.sampled)
    first = video.info(regular_file(pictures[0]))
    size = sum(picture.stat().st_size for picture in pictures)
    return dataclasses.replace(first, frames=len(pictures), fps=0.0, seconds=0.0, bytes=size)


def count_frames(footage: Footage | Path) -> int:
    """The number of frames that can be decoded; for a folder, the number of pictures."""
    footage = _footage(footage)
    if os.path.isdir(footage.path):
        return len(numbered(footage.path, footage.sampled))
    return video.count_frames(regular_file(footage.path))


def length(footage: Footage | Path) -> int:
    """The number of frames by the header, or by decoding if the header does not tell; raises `VideoError`."""
    return info(footage).frames or count_frames(footage)


def frame_size(footage: Footage | Path) -> tuple[int, int]:
    """Height and width of the first decoded frame: unlike the header, it is turned upright.

    Raises:
        VideoError: as in `read_frames`.
    """
    _, frame = next(read_frames(footage, [0]))
    return frame.shape[:2]


def same_size(
    footage: Footage, others: Iterable[Footage], size: Callable[[Footage], tuple[int, int]] = frame_size
) -> None:
    """Raises `DataError` if the frames of one of `others` have another size than those of `footage`."""
    for other in others:
        if other != footage and size(other) != size(footage):
            raise DataError(f"{other} has another frame size than {footage}; get both again from the same source.")


def read_frames(footage: Footage | Path, indices: Sequence[int] | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (index, frame) for the frames wanted, in order; the footage's `encoding` is ignored.

    Args:
        footage: a video, a folder of pictures or a picture.
        indices: increasing frame indices; the first frame is 0, whatever the first picture's number. None for all.

    Yields:
        The index and the frame, RGB uint8 (H, W, 3).

    Raises:
        VideoError: as in `video.read_frames`; or pictures of several sizes.
    """
    footage = _footage(footage)
    if not os.path.isdir(footage.path):
        yield from video.read_frames(regular_file(footage.path), indices)
        return
    pictures = numbered(footage.path, footage.sampled)
    shape = None
    for index in range(len(pictures)) if indices is None else indices:
        if index >= len(pictures):
            raise VideoError(f"{footage.path} ends before frame {index}; it has {len(pictures)} pictures.")
        frame = video.read_picture(regular_file(pictures[index]))
        shape = shape or frame.shape
        if frame.shape != shape:
            raise VideoError(f"{pictures[index]} has another size than the pictures before it.")
        yield int(index), frame


def encoded(footage: Footage, path: Path) -> Footage:
    """Writes the frames of `footage` to `path` with its `encoding`, and returns the footage of that file.

    Raises:
        DataError: frames that cannot be read or encoded.
    """
    if footage.encoding is None:
        raise ValueError(f"{footage} has no encoding.")
    write_encoded(path, lambda: (frame for _, frame in read_frames(footage)), footage.encoding)
    return Footage(path)


def _footage(given: Footage | Path) -> Footage:
    return given if isinstance(given, Footage) else Footage(Path(given))
