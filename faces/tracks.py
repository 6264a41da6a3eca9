"""Follows faces from frame to frame, and chooses the person whom a clip is about."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faces.mtcnn import Face


def longest_track(frames: Sequence[Sequence[Face]], overlap: float = 0.3) -> list[Face | None]:
    """Chooses one face for each frame of a clip: the person seen in most frames, and of those the largest.

    Faces of consecutive frames belong to one track when their boxes overlap; a track survives frames in which its face
    is not found.

    Args:
        frames: the faces of each frame, in order.
        overlap: intersection over union from which on two boxes show one person.

    Returns:
        A face or None for each frame.
    """
    tracks: list[dict[int, Face]] = []
    for index, faces in enumerate(frames):
        free = list(faces)
        for track in sorted(tracks, key=len, reverse=True):
            last = track[max(track)]
            best = max(free, key=lambda face: _overlap(face.box, last.box), default=None)
            if best is not None and _overlap(best.box, last.box) >= overlap:
                track[index] = best
                free = [face for face in free if face is not best]
        tracks.extend({index: face} for face in free)
    if not tracks:
        return [None] * len(frames)
    chosen = max(tracks, key=lambda track: (len(track), np.mean([face.area for face in track.values()])))
    return [chosen.get(index) for index in range(len(frames))]


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    both = height * width
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
