"""Which points of a mesh lie on which part of the face."""

from __future__ import annotations

import itertools
from dataclasses import dataclass


@dataclass(frozen=True)
class Topology:
    """The indices of the points of each part, in order along the part. Left and right are the viewer's.

    Attributes:
        size: number of points K of the mesh, which is float32 (K, 2): x and y in pixels.
        outline: closed curve around the face, from the forehead over the right temple to the chin and back.
        left_brow, right_brow: all points of a brow.
        left_eye, right_eye: closed curve along the lids.
        nose: points from the bridge to the tip, and the nostrils.
        outer_lips, inner_lips: closed curves, from the left corner over the lower lip to the right corner and back.
    """

    size: int
    outline: tuple[int, ...]
    left_brow: tuple[int, ...]
    right_brow: tuple[int, ...]
    left_eye: tuple[int, ...]
    right_eye: tuple[int, ...]
    nose: tuple[int, ...]
    outer_lips: tuple[int, ...]
    inner_lips: tuple[int, ...]

    @property
    def lips(self) -> tuple[int, ...]:
        """The points of both curves along the lips."""
        return self.outer_lips + self.inner_lips


MEDIAPIPE = Topology(
    size=468,
    outline=(
        *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
        *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
    ),
    left_brow=(46, 53, 52, 65, 55, 70, 63, 105, 66, 107),
    right_brow=(276, 283, 282, 295, 285, 300, 293, 334, 296, 336),
    left_eye=(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246),
    right_eye=(362, 382, 381, 380, 374, 373, 390, 249, 263, 466, 388, 387, 386, 385, 384, 398),
    nose=(168, 6, 197, 195, 5, 4, 1, 2, 98, 327, 48, 278),
    outer_lips=(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185),
    inner_lips=(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191),
)
"""The mesh of MediaPipe's face landmark network."""


def _consecutive(**lengths: int) -> Topology:
    """A topology whose parts follow each other, each with so many points."""
    ends = list(itertools.accumulate(lengths.values()))
    starts = [0, *ends[:-1]]
    parts = {name: tuple(range(start, end)) for name, start, end in zip(lengths, starts, ends, strict=True)}
    return Topology(size=ends[-1], **parts)


RENDERED = _consecutive(
    outline=36, left_brow=10, right_brow=10, left_eye=16, right_eye=16, nose=9, outer_lips=20, inner_lips=20
)
"""The mesh of a rendered face; its points are computed from the person's shape."""
