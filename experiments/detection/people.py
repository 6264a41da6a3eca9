"""Follows every face of a clip, so that each person has an own score.

The faces of a frame are assigned to the people seen before so that the sum of the overlaps (intersection over union)
is as large as possible: `scipy.optimize.linear_sum_assignment`, the assignment of SORT (Bewley et al., ICIP 2016).
"""

from __future__ import annotations

from collections.abc import Sequence

from scipy.optimize import linear_sum_assignment

from faces import Face, intersection_over_union

OVERLAP = 0.3  # least intersection over union of one person's boxes in neighbouring frames
FORGOTTEN = 2.0  # seconds after which a person who was not seen is another one


class People:
    """The people of one clip, numbered from 1 in the order in which they appear.

    Args:
        overlap: least intersection over union of a person's boxes.
        forgotten: seconds without the person after which a face at the same place is another person.
    """

    def __init__(self, overlap: float = OVERLAP, forgotten: float = FORGOTTEN) -> None:
        self._overlap, self._forgotten = overlap, forgotten
        self._last: dict[int, tuple[float, tuple[float, ...]]] = {}  # number -> second and box of the last sight
        self._count = 0

    def numbers(self, second: float, faces: Sequence[Face]) -> list[int]:
        """The person's number for each face of the next frame.

        Args:
            second: time of the frame; not before that of the frame before.
            faces: the faces of the frame.
        """
        self._last = {one: last for one, last in self._last.items() if second - last[0] <= self._forgotten}
        known = list(self._last)
        boxes = [face.box for face in faces]
        overlaps = intersection_over_union([self._last[one][1] for one in known], boxes)
        found: dict[int, int] = {}
        for row, column in zip(*linear_sum_assignment(overlaps, maximize=True), strict=True):
            if overlaps[row, column] >= self._overlap:
                found[int(column)] = known[row]
        for index, box in enumerate(boxes):
            if index not in found:
                self._count += 1
                found[index] = self._count
            self._last[found[index]] = (second, box)
        return [found[index] for index in range(len(boxes))]
