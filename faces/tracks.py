"""Follows faces from frame to frame, and chooses one person for a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from faces.mtcnn import Face


def longest_track(frames: Sequence[Sequence[Face]], overlap: float = 0.3) -> list[Face | None]:
    """Chooses one person of a clip: the one seen in most frames; if two are seen as often, the one with larger faces.

    A face continues a track if its box overlaps with the track's last box. A track goes on after frames in which its
    face is not found.

    Args:
        frames: the faces of each frame, in order.
        overlap: smallest intersection over union of two boxes of the same person.

    Returns:
        The chosen person's face in each frame, None where it was not found.
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
