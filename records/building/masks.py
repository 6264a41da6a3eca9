"""Masks: the manipulated region is where a fake frame differs from its pristine twin."""

from __future__ import annotations

import cv2
import numpy as np

THRESHOLD = 0.1
"""As a fraction of full scale. The paper's twins are lossless; twins at c23 or c40 also differ by their compression.
So the threshold was measured again on 160 fakes forged from photographs, against the masks of their lossless twins.
Of all thresholds from 0.02 to 0.16, 0.10 has the highest intersection over union: 0.86 at c23 and 0.54 at c40. It
marks 0.3% (c23) and 1.9% (c40) of the untouched pixels; one untouched pixel in a thousand differs by more than 0.044
(c23) and 0.17 (c40). Measured by experiments/benchmarks/mask_threshold.py."""


def difference_mask(fake: np.ndarray, real: np.ndarray, threshold: float = THRESHOLD) -> np.ndarray:
    """The paper's mask: |fake - real| in RGB, converted to grey, above a threshold.

    Args:
        fake, real: uint8 (H, W, 3) RGB, the same frame of both videos.
        threshold: fraction of full scale in [0, 1].

    Returns:
        uint8 (H, W): 255 where manipulated, 0 elsewhere.

    Raises:
        ValueError: the frames differ in size.
    """
    if fake.shape != real.shape:
        raise ValueError(f"the fake frame is {fake.shape[1::-1]} pixels and its pristine twin {real.shape[1::-1]}.")
    difference = cv2.cvtColor(cv2.absdiff(fake, real), cv2.COLOR_RGB2GRAY)
    return np.where(difference > threshold * 255, 255, 0).astype(np.uint8)
