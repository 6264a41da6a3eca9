"""Reads few frames of a long video from the key frames before them, where that is cheaper than decoding all."""

from __future__ import annotations

import bisect
import itertools
import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np

from records.footage.errors import VideoError, ffmpeg_message
from records.footage.pictures import picture_format
from records.footage.video import Upright, opened, read_frames

SEEK_COST = 12  # frames that could be decoded in the time of one seek; frames so near to each other are not sought


@dataclass(frozen=True)
class FrameTimes:
    """When the frames of a video are shown, from its packets; nothing is decoded.

    Attributes:
        stamps: the time stamps of all frames in the order in which they are shown, in units of the stream.
        keys: those of key frames, from which decoding can begin, in order.
    """

    stamps: list[int]
    keys: list[int]

    def starts(self, indices: Sequence[int]) -> list[int]:
        """For each frame, the index of the key frame before it."""
        return [
            bisect.bisect_left(self.stamps, self.keys[bisect.bisect_right(self.keys, self.stamps[index]) - 1])
            for index in indices
        ]


def frame_times(path: Path | str) -> FrameTimes | None:
    """The time stamps of a video's frames.

    Returns:
        None for a picture, and for a video whose packets do not all tell a time of their own, or that does not begin
        with a key frame: its frames can only be counted by decoding.

    Raises:
        VideoError: neither a video nor a picture.
    """
    if picture_format(path) is not None:
        return None
    stamps, keys = [], []
    with opened(path) as (container, stream):
        try:
            for packet in container.demux(stream):
                if packet.size and not packet.is_discard:
                    stamps.append(packet.pts)
                    if packet.is_keyframe:
                        keys.append(packet.pts)
        except av.error.FFmpegError as error:
            raise VideoError(f"{path} does not decode: {ffmpeg_message(error)}. Get it again.") from error
    if not keys or None in stamps or len(set(stamps)) < len(stamps):
        return None
    stamps.sort()
    keys.sort()
    return FrameTimes(stamps, keys) if keys[0] == stamps[0] else None


def read_spaced(path: Path | str, indices: Sequence[int], times: FrameTimes | None) -> Iterator[tuple[int, np.ndarray]]:
    """The same frames as `read_frames` gives, by seeking to key frames if that decodes fewer frames.

    Args:
        path: path of a video or picture.
        indices: increasing frame indices.
        times: see `frame_times`; None decodes from the start.

    Raises:
        VideoError: as `read_frames`.
    """
    if times is None or not cheaper_by_seeking(indices, times):
        yield from read_frames(path, indices)
        return
    upright, pairs = Upright(), zip(times.starts(indices), indices, strict=True)
    with opened(path) as (container, stream):
        try:
            for frame in itertools.islice(container.decode(stream), 1):
                upright.turn_like(frame)
            for start, wanted in itertools.groupby(pairs, key=operator.itemgetter(0)):
                left = {times.stamps[index]: index for _, index in wanted}
                container.seek(times.stamps[start], stream=stream)
                for frame in container.decode(stream):
                    if frame.pts in left:
                        yield left.pop(frame.pts), upright.rgb(frame)
                    if not left:
                        break
                if left:
                    raise VideoError(f"{path} ends before frame {min(left.values())}; it is cut off.")
        except av.error.FFmpegError as error:
            raise VideoError(
                f"{path} does not decode: {ffmpeg_message(error)}. It is damaged or cut off; get it again."
            ) from error


def cheaper_by_seeking(indices: Sequence[int], times: FrameTimes) -> bool:
    """Whether fewer frames are decoded from the key frames before `indices` than from the start to the last of them."""
    if not len(indices):
        return False
    last = {}  # start -> last frame that is wanted of those behind it
    for start, index in zip(times.starts(indices), indices, strict=True):
        last[start] = index
    return sum(index - start + 1 + SEEK_COST for start, index in last.items()) < indices[-1] + 1
