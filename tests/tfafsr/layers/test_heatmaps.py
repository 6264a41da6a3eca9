"""KeypointHeatmaps against plain loops."""

import math

import numpy as np
import pytest

from tfafsr.layers import KeypointHeatmaps


def by_loops(keypoints: np.ndarray, size: int, stride: int, sigma: float) -> np.ndarray:
    cells = math.ceil(size / stride)
    maps = np.zeros((cells, cells, len(keypoints)))
    for k, (x, y) in enumerate(keypoints):
        cx, cy = (x * size - 0.5) / stride, (y * size - 0.5) / stride
        for row in range(cells):
            for column in range(cells):
                maps[row, column, k] = math.exp(-((row - cy) ** 2 + (column - cx) ** 2) / (2 * sigma**2))
        maps[..., k] *= cells * cells / maps[..., k].sum()
    return maps


@pytest.mark.parametrize(("size", "stride"), [(225, 32), (128, 16), (64, 8), (97, 8)])
def test_against_loops(size, stride):
    keypoints = np.random.default_rng(0).random((3, 5, 2)).astype(np.float32)
    maps = KeypointHeatmaps(size, stride)(keypoints).numpy()
    for batch in range(3):
        np.testing.assert_allclose(maps[batch], by_loops(keypoints[batch], size, stride, 0.75), rtol=1e-4, atol=1e-4)


def test_each_map_sums_to_the_number_of_cells_even_at_the_edges():
    keypoints = np.array([[[0, 0], [1, 1], [0, 1], [0.5, 0.5], [1, 0.3]]], np.float32)
    sums = KeypointHeatmaps(225, 32)(keypoints).numpy().sum(axis=(1, 2))
    np.testing.assert_allclose(sums, 64, rtol=1e-5)


def test_x_is_the_column_and_y_the_row():
    # Pixel 16 of 64 in x (cell 2 of 8), pixel 48 in y (cell 6): (x * 64 - 0.5) / 8 = 2 at x = 16.5 / 64.
    maps = KeypointHeatmaps(64, 8)(np.array([[[16.5 / 64, 48.5 / 64]]], np.float32)).numpy()[0, ..., 0]
    assert np.unravel_index(maps.argmax(), maps.shape) == (6, 2)
