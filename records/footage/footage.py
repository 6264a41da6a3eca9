"""Where a clip's frames come from: a video, a folder of numbered pictures, or one picture; perhaps encoded anew."""

from __future__ import annotations

import dataclasses
import functools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from records.errors import DataError
from records.footage import video
from records.footage.video import Encoding, VideoError, VideoInfo

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
VIDEOS = (".mp4", ".avi", ".mov", ".mkv", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".3gp", ".ts", ".ogv")
MAX_FRAMES = 2**20  # of a folder of pictures


@dataclasses.dataclass(frozen=True)
class Footage:
    """Frames on the disk.

    Attributes:
        path: of a video, a folder of pictures, or a picture.
        encoding: with which the frames are encoded before they are used; None takes them as they are.
        sampled: a folder whose numbers may have gaps, for it holds some of a video's frames only.
    """

    path: Path
    encoding: Encoding | None = None
    sampled: bool = False

    def __str__(self) -> str:
        return str(self.path)


def info(footage: Footage) -> VideoInfo:
    """What the headers say of a video, or the first picture and the number of pictures of a folder.

    Raises:
        VideoError: neither video nor picture, an empty folder, or one with a gap in its numbers.
    """
    if not os.path.isdir(footage.path):
        return video.info(_file(footage.path))
    pictures = numbered(footage.path, footage.sampled)
    first = video.info(_file(pictures[0]))
    size = sum(picture.stat().st_size for picture in pictures)
    return dataclasses.replace(first, frames=len(pictures), fps=0.0, seconds=0.0, bytes=size)


def count_frames(footage: Footage) -> int:
    """The number of frames that decode; of a folder, the number of pictures."""
    if os.path.isdir(footage.path):
        return len(numbered(footage.path, footage.sampled))
    return video.count_frames(_file(footage.path))


def length(footage: Footage) -> int:
    """The number of frames: by the header, or by decoding where it does not say; raises as they do."""
    return info(footage).frames or count_frames(footage)


def frame_size(footage: Footage) -> tuple[int, int]:
    """Height and width of the first frame, decoded: of a camera turned on its side the header tells neither.

    Raises:
        VideoError: as `read_frames`.
    """
    _, frame = next(read_frames(footage, [0]))
    return frame.shape[:2]


def same_size(
    footage: Footage, others: Iterable[Footage], size: Callable[[Footage], tuple[int, int]] = frame_size
) -> None:
    """Raises `DataError` where frames of `others` are of another size than those of `footage`, by `size`."""
    for other in others:
        if other != footage and size(other) != size(footage):
            raise DataError(f"{other} has another frame size than {footage}; get both again from one source.")


def read_frames(footage: Footage, indices: Sequence[int] | None = None) -> Iterator[tuple[int, np.ndarray]]:
    """Yields (index, frame) for the frames wanted, in order; `video.read_frames` for all that `Footage` can be.

    Args:
        footage: of which `encoding` is not looked at here.
        indices: increasing frame indices, counted from 0 whatever the number of the first picture; None for all.

    Yields:
        The index and the frame, RGB uint8 (H, W, 3).

    Raises:
        VideoError: as `video.read_frames`; pictures of differing sizes.
    """
    if not os.path.isdir(footage.path):
        yield from video.read_frames(_file(footage.path), indices)
        return
    pictures = numbered(footage.path, footage.sampled)
    shape = None
    for index in range(len(pictures)) if indices is None else indices:
        if index >= len(pictures):
            raise VideoError(f"{footage.path} ends before frame {index}; it has {len(pictures)} pictures.")
        _, frame = next(video.read_frames(_file(pictures[index])), (0, None))
        if frame is None:
            raise VideoError(f"{pictures[index]} holds no picture; get it again.")
        shape = shape or frame.shape
        if frame.shape != shape:
            raise VideoError(f"{pictures[index]} is of another size than the pictures before it.")
        yield int(index), frame


def numbered(folder: Path, sampled: bool = False) -> tuple[Path, ...]:
    """The pictures of a folder in the order of their numbers: `0000.png`, `001`, `frame12.jpg`.

    Raises:
        VideoError: a folder that cannot be read, no picture, two of one number, or, unless `sampled`, a number that is
            missing.
    """
    try:
        return _numbered(folder, sampled, folder.stat().st_mtime_ns)
    except OSError as error:
        raise VideoError(f"{folder} cannot be read ({error.strerror}); change its permissions.") from error


@functools.lru_cache(maxsize=64)
def _numbered(folder: Path, sampled: bool, _changed: int) -> tuple[Path, ...]:
    found: dict[int, Path] = {}
    for path in folder.iterdir():
        digits = "".join(character if character.isdecimal() else " " for character in path.stem).split()
        if path.name.startswith(".") or path.suffix.lower() not in ("", *PICTURES) or not digits or path.is_dir():
            continue
        if len(digits[-1]) > 18 or len(found) >= MAX_FRAMES:
            raise VideoError(f"{folder} holds too many pictures, or {path.name} too large a number.")
        if int(digits[-1]) in found:
            raise VideoError(f"{folder} holds two pictures of number {int(digits[-1])}; remove one.")
        found[int(digits[-1])] = path
    if not found:
        raise VideoError(f"{folder} holds no numbered pictures.")
    order = sorted(found)
    if not sampled and order[-1] - order[0] + 1 != len(order):
        missing = next(number for number in range(order[0], order[-1]) if number not in found)
        raise VideoError(f"{folder} lacks the picture of number {missing}; the frames after it would not fit its twin.")
    return tuple(found[number] for number in order)


def encoded(footage: Footage, path: Path) -> Footage:
    """Writes the frames of `footage`, encoded as its `encoding` says, to `path`, and gives the footage of that file.

    Raises:
        DataError: frames that cannot be read or encoded so.
    """
    if footage.encoding is None:
        raise ValueError(f"{footage} has no encoding.")
    video.write_encoded(path, functools.partial(_frames, footage), footage.encoding)
    return Footage(path)


def _file(path: Path) -> Path:
    """`path`; raises `VideoError` for what is there and no file, such as a pipe, for which one would wait for ever."""
    if os.path.exists(path) and not os.path.isfile(path):
        raise VideoError(f"{path} is no file; remove it.")
    return path


def _frames(footage: Footage) -> Iterator[np.ndarray]:
    return (frame for _, frame in read_frames(footage))


def is_video(path: Path) -> bool:
    """Whether a file's name says that it is a video."""
    return path.suffix.lower() in VIDEOS


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture."""
    return path.suffix.lower() in PICTURES


def printable(path: Path | str) -> str:
    """A path as text that can be written and shown; it differs from the path where that is no UTF-8."""
    return str(path).encode("utf-8", "replace").decode()


def inside(path: Path, root: Path) -> bool:
    """Whether `path`, all links followed, lies in `root`; `root` is resolved already."""
    return Path(os.path.realpath(path)).is_relative_to(root)  # of links in a circle Path.resolve makes an error


def checked(path: Path, root: Path) -> Path:
    """`path`; raises `DataError` where it, or a picture in it, is a link that leads out of `root`."""
    root = root.resolve()
    try:
        links = [entry.path for entry in os.scandir(path) if entry.is_symlink()] if path.is_dir() else []
    except OSError:  # reading it will tell
        links = []
    for place in (path, *map(Path, links)):
        if not inside(place, root):
            raise DataError(f"{place} is a link that leads out of {root}; copy the file, or give --follow-links.")
    return path
