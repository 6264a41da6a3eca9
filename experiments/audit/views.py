"""What the probe's networks see of a frame: all but the face, or the face at so few pixels that only colours remain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from experiments.audit.cues import Region
from faces import CROP_SCALE, crop_box, crop_square

BLANKED_SIZE = 80
"""Side in pixels of the crops whose face is painted over."""
BLANKED_CROP = 1.6
"""Side of that crop over the longer side of the face: larger than in the records, to show pixels around the face."""
GRAY = 128
COARSE_SIZE = 16
"""Side in pixels of the crops that show the face: too few for texture, enough for patches of another colour."""


@dataclass(frozen=True)
class View:
    """One way of showing frames to a network.

    Attributes:
        crop: (frame, region) -> crop, uint8 (size, size, 3).
        limit: the highest AUC at which the network does not betray; None: its interval must contain 0.5.
        meaning: what the crops show, for the report.
    """

    crop: Callable[[np.ndarray, Region], np.ndarray]
    limit: float | None
    meaning: str


def blanked_crop(rgb: np.ndarray, region: Region, size: int = BLANKED_SIZE) -> np.ndarray:
    """The square crop around the face with the face painted over in gray.

    The face is painted over before the crop is resized, so that no manipulated pixel affects the other pixels.

    Args:
        rgb: uint8 (H, W, 3).
        region: where the face is; `blank` and `box` are used.
        size: side of the crop in pixels.

    Returns:
        uint8 (size, size, 3); beyond the frame's border the border's pixels are repeated.
    """
    painted = np.where(region.blank[..., None], np.uint8(GRAY), rgb)
    return crop_square(painted, crop_box(region.box, BLANKED_CROP), size)


def coarse_crop(rgb: np.ndarray, region: Region, size: int = COARSE_SIZE) -> np.ndarray:
    """The square crop of the face, as wide as in the records, at few pixels.

    Args:
        rgb: uint8 (H, W, 3).
        region: where the face is; `box` is used.
        size: side of the crop in pixels; each is the mean of the area that it covers.

    Returns:
        uint8 (size, size, 3); beyond the frame's border the border's pixels are repeated.
    """
    return crop_square(rgb, crop_box(region.box, CROP_SCALE), size)


VIEWS = {
    "blanked_face": View(
        blanked_crop, None, "crops whose face is painted over, the same area in the real clip and in its fakes"
    ),
    "face_16x16": View(
        coarse_crop, 0.65, "crops of the face at 16 x 16 pixels; more than 0.65 means patches of another colour"
    ),
}
"""Name of each view -> the view."""
