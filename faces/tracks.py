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
            overlaps = intersection_over_union([face.box for face in free], [last.box])
            if free and overlaps.max() >= overlap:
                best = free[int(overlaps.argmax())]
                track[index] = best
                free = [face for face in free if face is not best]
        tracks.extend({index: face} for face in free)
    if not tracks:
        return [None] * len(frames)
    chosen = max(tracks, key=lambda track: (len(track), np.mean([face.area for face in track.values()])))
    return [chosen.get(index) for index in range(len(frames))]


def intersection_over_union(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> np.ndarray:
    """Overlaps of boxes (y0, x0, y1, x1): float64 (len(first), len(second)) in [0, 1]."""
    a = np.asarray(first, np.float64).reshape(-1, 1, 4)
    b = np.asarray(second, np.float64).reshape(1, -1, 4)
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    both = np.maximum(sides, 0).prod(axis=-1)
    areas = [(boxes[..., 2:] - boxes[..., :2]).prod(axis=-1) for boxes in (a, b)]
    return both / np.maximum(areas[0] + areas[1] - both, np.finfo(float).tiny)
