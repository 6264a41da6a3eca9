"""Which frames of each clip are wanted, and where the chosen person's face is in each of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from faces.crop import crop_box, normalise_keypoints
from faces.mtcnn import Face
from faces.tracks import longest_track
from records.building.detection import face_detector
from records.building.groups import ClipGroup
from records.building.options import BuildOptions
from records.errors import DataError
from records.footage import Footage, encoded, evenly_spaced, frame_size, length, read_frames, same_size
from records.sources.clip import Clip

Value = TypeVar("Value")
SEARCH_EVERY = 4  # in every fourth frame faces of any size are looked for, in the others those like the frame's before
NO_FACE = "no face in the frame"
NO_FACE_TWIN = "no face in the pristine twin's frame"
OTHER_FACE = "faces in the frame, but not of the person seen in most frames"
OTHER_FACE_TWIN = "faces in the pristine twin's frame, but not of the person seen in most frames"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the face is in one frame: `box` float32 (4,) of the crop, `keypoints` float32 (5, 2) in [0, 1] of it."""

    box: np.ndarray
    keypoints: np.ndarray


@dataclasses.dataclass(frozen=True)
class ReadableFootage:
    """Footage as it can be read.

    Attributes:
        source: the footage itself, or what it was encoded anew to.
        frames: how many it has.
        size: height and width of a frame in pixels.
    """

    source: Footage
    frames: int
    size: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class WantedFrames:
    """The frames that are wanted of a clip.

    Attributes:
        positions: index of each frame, increasing -> its position in its burst.
        shortened: in words, where the clip and its twin differ in length; else None.
    """

    positions: dict[int, int]
    shortened: str | None


@dataclasses.dataclass(frozen=True)
class LocatedClip:
    """The frames that are wanted of a clip, and where the face is in them.

    Attributes:
        wanted: the frames.
        places: index of each frame with a face, increasing -> where it is.
        reasons: why a frame has none -> number of such frames.
    """

    wanted: WantedFrames
    places: dict[int, Place]
    reasons: dict[str, int]


def outcome(function: Callable[..., Value], *arguments: object) -> Value | DataError:
    """What the function returns, or what it raises, as a `DataError` with the reason in words.

    Whatever is wrong with one clip, the others are built and the reason is kept.

    Raises:
        MemoryError: the machine's fault and not the clip's: the build stops, and can go on later.
    """
    try:
        return function(*arguments)
    except MemoryError:
        raise
    except DataError as error:
        return error
    except Exception as error:
        return DataError(f"{type(error).__name__}: {error}")


def known(value: Value | DataError) -> Value:
    """The value of an `outcome`; raises it if it is an error."""
    if isinstance(value, DataError):
        raise value
    return value


def open_footage(group: ClipGroup, scratch: Path) -> dict[Footage, ReadableFootage | DataError]:
    """What each footage of a group is read from, or why it cannot be read.

    Args:
        group: of clips.
        scratch: an empty folder for what is encoded anew.
    """
    every = dict.fromkeys(one for clip in group.clips for one in (clip.footage, clip.best, clip.pristine))
    return {
        footage: outcome(_open, footage, scratch / f"{number}.avi", len(every) > 1)
        for number, footage in enumerate(every)
    }


def _open(footage: Footage, encoded_path: Path, compared: bool) -> ReadableFootage:
    source = footage if footage.encoding is None else encoded(footage, encoded_path)
    return ReadableFootage(source, length(source), frame_size(source) if compared else (0, 0))


def locate_faces(
    group: ClipGroup, footages: dict[Footage, ReadableFootage | DataError], options: BuildOptions
) -> dict[str, LocatedClip | DataError]:
    """Where the face is in the wanted frames of each clip: on the pristine twin, looked at once for all, or on itself.

    Args:
        group: of clips.
        footages: of `open_footage`.
        options: of the build.

    Returns:
        Video id -> the places, or why the clip cannot be used.
    """
    wanted = {clip.video: outcome(wanted_frames, clip, footages, options) for clip in group.clips}
    usable = [clip for clip in group.clips if isinstance(wanted[clip.video], WantedFrames)]
    located: dict[str, LocatedClip | DataError] = dict(wanted)
    if options.keypoints_from == "self":
        for clip in usable:
            source, frames = footages[clip.footage].source, wanted[clip.video]
            places = outcome(find_places, source, frames.positions, NO_FACE, OTHER_FACE)
            located[clip.video] = places if isinstance(places, DataError) else _located(frames, places)
    elif usable:
        union = {index for clip in usable for index in wanted[clip.video].positions}
        source = footages[group.pristine].source
        places = outcome(find_places, source, union, NO_FACE_TWIN, OTHER_FACE_TWIN)
        for clip in usable:
            located[clip.video] = places if isinstance(places, DataError) else _located(wanted[clip.video], places)
    return located


def wanted_frames(
    clip: Clip, footages: dict[Footage, ReadableFootage | DataError], options: BuildOptions
) -> WantedFrames:
    """Frames spaced evenly over the whole of the shortest of the videos that a clip needs.

    Raises:
        DataError: one of the videos cannot be read, or they differ in frame size.
    """
    videos = {footage: known(footages[footage]) for footage in (clip.footage, clip.best, clip.pristine)}
    same_size(clip.footage, (clip.best, clip.pristine), lambda footage: videos[footage].size)
    lengths = [video.frames for video in videos.values()]
    total, shortened = min(lengths), None
    if total < max(lengths):
        own, twin = videos[clip.footage].frames, videos[clip.pristine].frames
        shortened = f"{own} frames, its pristine twin {twin}: the first {total} are used"
    number = options.frames_train if clip.split == "train" else options.frames_eval
    burst = min(options.burst, total)
    positions: dict[int, int] = {}
    for start in evenly_spaced(total - burst + 1, number) if total else ():
        for position in range(burst):
            positions.setdefault(int(start) + position, position)
    return WantedFrames(positions, shortened)


def find_places(footage: Footage, indices: Iterable[int], no_face: str, other_face: str) -> dict[int, Place | str]:
    """The place, in each of the frames, of the one person who is seen in most of them.

    Args:
        footage: to be read as it is.
        indices: of the frames, in any order.
        no_face: the reason where a frame shows nobody.
        other_face: the reason where it shows others.

    Returns:
        Frame index, increasing -> the place, or the reason why there is none.

    Raises:
        DataError: frames that cannot be read.
    """
    order = sorted(indices)
    seen: list[list[Face]] = []
    for number, (_, frame) in enumerate(read_frames(footage, order)):
        neighbours = seen[-1] if number % SEARCH_EVERY else []
        seen.append(face_detector().detect(frame, like=neighbours))
    places: dict[int, Place | str] = {}
    for index, all_faces, face in zip(order, seen, longest_track(seen), strict=True):
        if face is None:
            places[index] = other_face if all_faces else no_face
        else:
            box = crop_box(face.box)
            places[index] = Place(box, normalise_keypoints(face.keypoints, box))
    return places


def _located(wanted: WantedFrames, places: dict[int, Place | str]) -> LocatedClip:
    chosen = {index: places[index] for index in sorted(wanted.positions)}
    return LocatedClip(
        wanted,
        {index: place for index, place in chosen.items() if isinstance(place, Place)},
        dict(Counter(reason for reason in chosen.values() if isinstance(reason, str))),
    )
