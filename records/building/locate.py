"""Chooses the frames of each clip that become examples, and finds the face of the chosen person in them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

import numpy as np

from faces import Face, crop_box, longest_track, normalise_keypoints
from records.building.detection import face_detector
from records.building.groups import ClipGroup
from records.building.options import BuildOptions
from records.errors import DataError
from records.footage import Footage, encoded, evenly_spaced, frame_size, length, read_frames, same_size
from records.sources import Clip

Value = TypeVar("Value")
SEARCH_EVERY = 4  # every 4th frame is searched for faces of any size, the others for sizes like in the frame before
NO_FACE = "no face in the frame"
NO_FACE_TWIN = "no face in the pristine twin's frame"
OTHER_FACE = "faces in the frame, but not of the person seen in most frames"
OTHER_FACE_TWIN = "faces in the pristine twin's frame, but not of the person seen in most frames"


@dataclasses.dataclass(frozen=True)
class Place:
    """Where the face is in one frame: the crop's `box`, float32 (4,), and `keypoints`, float32 (5, 2) in [0, 1]."""

    box: np.ndarray
    keypoints: np.ndarray


@dataclasses.dataclass(frozen=True)
class ReadableFootage:
    """Footage that can be read as it is, with its length and frame size.

    Attributes:
        source: the footage itself, or the file to which it was encoded.
        frames: number of its frames.
        size: height and width of a frame in pixels; (0, 0) if the group has no other footage to compare with.
    """

    source: Footage
    frames: int
    size: tuple[int, int]


@dataclasses.dataclass(frozen=True)
class WantedFrames:
    """The frames of a clip that become examples if they show the face.

    Attributes:
        positions: index of each frame, increasing -> its position in its burst.
        shortened: a sentence if the clip and its twin differ in length, else None.
    """

    positions: dict[int, int]
    shortened: str | None


@dataclasses.dataclass(frozen=True)
class LocatedClip:
    """The wanted frames of a clip, and where the face is in them.

    Attributes:
        wanted: the wanted frames.
        places: index of each frame with the face, increasing -> where it is.
        reasons: why a frame has no face -> number of such frames.
    """

    wanted: WantedFrames
    places: dict[int, Place]
    reasons: dict[str, int]


def result_or_error(function: Callable[..., Value], *arguments: object) -> Value | DataError:
    """Calls the function and returns its value, or its exception as a `DataError`, so that other clips are still built.

    Raises:
        MemoryError: it is not the clip's fault, so the build stops and can be resumed.
    """
    try:
        return function(*arguments)
    except MemoryError:
        raise
    except DataError as error:
        return error
    except Exception as error:
        return DataError(f"{type(error).__name__}: {error}")


def value_or_raise(value: Value | DataError) -> Value:
    """The value that `result_or_error` returned; raises it if it is an error."""
    if isinstance(value, DataError):
        raise value
    return value


def open_footage(group: ClipGroup, scratch: Path) -> dict[Footage, ReadableFootage | DataError]:
    """Makes each footage of a group readable; returns it, or the reason why it cannot be read.

    Args:
        group: the group of clips.
        scratch: an empty folder for footage that must be encoded again.
    """
    footages = dict.fromkeys(footage for clip in group.clips for footage in (clip.footage, clip.best, clip.pristine))
    return {
        footage: result_or_error(_open, footage, scratch / f"{number}.avi", len(footages) > 1)
        for number, footage in enumerate(footages)
    }


def _open(footage: Footage, encoded_path: Path, needs_size: bool) -> ReadableFootage:
    source = footage if footage.encoding is None else encoded(footage, encoded_path)
    return ReadableFootage(source, length(source), frame_size(source) if needs_size else (0, 0))


def locate_faces(
    group: ClipGroup, footages: dict[Footage, ReadableFootage | DataError], options: BuildOptions
) -> dict[str, LocatedClip | DataError]:
    """Finds the face in the wanted frames of each clip: once for all clips on their twin, or on each clip itself.

    Args:
        group: the group of clips.
        footages: what `open_footage` returned.
        options: the options of the build.

    Returns:
        Video id -> the wanted frames and places, or why the clip cannot be used.
    """
    wanted = {clip.video: result_or_error(wanted_frames, clip, footages, options) for clip in group.clips}
    usable = [clip for clip in group.clips if isinstance(wanted[clip.video], WantedFrames)]
    located: dict[str, LocatedClip | DataError] = dict(wanted)
    if options.keypoints_from == "self":
        for clip in usable:
            source, frames = footages[clip.footage].source, wanted[clip.video]
            places = result_or_error(find_places, source, frames.positions, NO_FACE, OTHER_FACE)
            located[clip.video] = places if isinstance(places, DataError) else _located(frames, places)
    elif usable:
        union = {index for clip in usable for index in wanted[clip.video].positions}
        source = footages[group.pristine].source
        places = result_or_error(find_places, source, union, NO_FACE_TWIN, OTHER_FACE_TWIN)
        for clip in usable:
            located[clip.video] = places if isinstance(places, DataError) else _located(wanted[clip.video], places)
    return located


def wanted_frames(
    clip: Clip, footages: dict[Footage, ReadableFootage | DataError], options: BuildOptions
) -> WantedFrames:
    """Frames evenly spaced over the length of the shortest video that a clip needs.

    Raises:
        DataError: one of the videos cannot be read, or they differ in frame size.
    """
    videos = {footage: value_or_raise(footages[footage]) for footage in (clip.footage, clip.best, clip.pristine)}
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
    """Finds, in the given frames, the face of the person who is seen in most of them.

    Args:
        footage: the footage to read; its `encoding` is ignored.
        indices: indices of the frames, in any order.
        no_face: reason for a frame without any face.
        other_face: reason for a frame with faces of other people only.

    Returns:
        Frame index, increasing -> the place, or the reason why there is none.

    Raises:
        DataError: frames that cannot be read.
    """
    order = sorted(indices)
    faces: list[list[Face]] = []  # of each frame
    for number, (_, frame) in enumerate(read_frames(footage, order)):
        neighbours = faces[-1] if number % SEARCH_EVERY else []
        faces.append(face_detector().detect(frame, like=neighbours))
    places: dict[int, Place | str] = {}
    for index, in_frame, face in zip(order, faces, longest_track(faces), strict=True):
        if face is None:
            places[index] = other_face if in_frame else no_face
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
