"""The manipulated region, from the difference between a fake frame and its pristine twin."""

from __future__ import annotations

import cv2
import numpy as np

THRESHOLD = 0.1
"""Of full scale. The paper's twins are lossless; between twins at c23 or c40 compression differs, too, and the
threshold was measured anew there, against the lossless twins' masks of 160 fakes forged from photographs: 0.10 has the
highest intersection over union of all thresholds from 0.02 to 0.16, 0.86 at c23 and 0.54 at c40, and marks 0.3% and
1.9% of the pixels outside. Untouched pixels differ by more than 0.044 and 0.17 in one of a thousand. Measured by
experiments/benchmarks/mask_threshold.py."""


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
