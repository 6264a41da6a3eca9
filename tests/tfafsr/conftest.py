"""Faces made of noise, for the tests that need a batch."""

from collections.abc import Callable

import numpy as np
import pytest

from faces import error_level_analysis

KEYPOINTS = np.float32([[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]])


def make_faces(size: int = 64, count: int = 4, seed: int = 0) -> tuple[dict, dict]:
    """Coarse noise as faces, every second one manipulated by a planted artifact; (x, y) as the records give them."""
    rng = np.random.default_rng(seed)
    cells = -(-size // 8)
    coarse = rng.integers(60, 200, (count, cells, cells, 3)).repeat(8, 1).repeat(8, 2)[:, :size, :size]
    target = (coarse + rng.integers(-4, 5, (count, size, size, 3))).astype(np.uint8)
    mask = np.zeros((count, size, size, 1), np.uint8)
    mask[1::2, size // 2 : size // 2 + 16, size // 2 - 8 : size // 2 + 8] = 255
    ripple = np.where(np.indices((size, size)).sum(0) % 2, 25, -25)[None, :, :, None]
    target = np.clip(target + ripple * (mask > 0), 0, 255).astype(np.uint8)
    frame = np.clip(target + rng.integers(-10, 11, target.shape), 0, 255).astype(np.uint8)
    known = np.ones(count, np.int64)
    keypoints = KEYPOINTS + rng.uniform(-0.03, 0.03, (count, 5, 2)).astype(np.float32)
    ela = np.stack([error_level_analysis(image) for image in frame])
    x = {"frame": frame, "keypoints": keypoints, "ela": ela}
    y = {"label": np.arange(count) % 2, "target": target, "target_known": known, "mask": mask, "mask_known": known}
    return x, y


@pytest.fixture(scope="session")
def faces() -> Callable[..., tuple[dict, dict]]:
    """`make_faces`."""
    return make_faces
