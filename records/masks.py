"""The manipulated region, from the difference between a fake frame and its pristine twin."""

from __future__ import annotations

import cv2
import numpy as np

THRESHOLD = 0.1  # of full scale, on best-quality frames


def difference_mask(fake: np.ndarray, real: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """|fake - real| over RGB, to gray, above a threshold: the paper's mask.

    Args:
        fake, real: uint8 (H, W, 3) RGB, the same frame of both videos.
        threshold: fraction of full scale in [0, 1].

    Returns:
        uint8 (H, W): 255 where manipulated, else 0.

    Raises:
        ValueError: the frames differ in size.
    """
    if fake.shape != real.shape:
        raise ValueError(f"the fake frame is {fake.shape[1::-1]} pixels and its pristine twin {real.shape[1::-1]}.")
    difference = cv2.cvtColor(cv2.absdiff(fake, real), cv2.COLOR_RGB2GRAY)
    return np.where(difference > threshold * 255, 255, 0).astype(np.uint8)
