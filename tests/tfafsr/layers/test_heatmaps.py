"""Heat maps against Gaussians written out cell by cell."""

import numpy as np
import pytest
import tensorflow as tf

from tfafsr.layers import KeypointHeatmaps

POINTS = np.float32([[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.0, 1.0]]])


def reference(points: np.ndarray, size: int, stride: int, cells: int, sigma: float = 0.75) -> np.ndarray:
    maps = np.zeros((len(points), cells, cells, points.shape[1]))
    for b, face in enumerate(points.astype(np.float64)):
        for k, (x, y) in enumerate(face):
            column, row = (x * size - 0.5) / stride, (y * size - 0.5) / stride
            for i in range(cells):
                for j in range(cells):
                    maps[b, i, j, k] = np.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * sigma**2))
            maps[b, :, :, k] *= cells**2 / maps[b, :, :, k].sum()
    return maps


@pytest.mark.parametrize(("size", "stride", "cells"), [(225, 32, 8), (128, 16, 8), (97, 8, 13), (64, 8, 8)])
def test_against_gaussians_cell_by_cell(size, stride, cells):
    maps = KeypointHeatmaps(size, stride)(POINTS)
    assert maps.shape == (1, cells, cells, 5)
    np.testing.assert_allclose(maps, reference(POINTS, size, stride, cells), rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(tf.reduce_sum(maps, (1, 2)), cells**2, rtol=1e-5)


def test_lies_where_the_key_point_lies():
    # Pixel 24 of 64 is x = 24.5 / 64, and cell 24 / 8 = 3; pixel 40 is cell 5. x is the column, y the row.
    points = np.float32([[[24.5 / 64, 40.5 / 64]]])
    maps = KeypointHeatmaps(64, 8)(points)[0, :, :, 0].numpy()
    assert np.unravel_index(maps.argmax(), maps.shape) == (5, 3)
    np.testing.assert_allclose(maps[5, 2], maps[5, 4], rtol=1e-5)
    np.testing.assert_allclose(maps[4, 3], maps[6, 3], rtol=1e-5)


def test_a_point_far_outside_is_finite_and_keeps_the_scale():
    maps = KeypointHeatmaps(64, 8)(np.float32([[[9.0, -9.0]]]))
    np.testing.assert_allclose(tf.reduce_sum(maps), 64, rtol=1e-5)
    assert maps[0, 0, 7, 0] > 63  # the corner next to it


def test_float32_under_any_policy_and_configuration_round_trip():
    layer = KeypointHeatmaps(97, 8, sigma=1.0, dtype="mixed_bfloat16")
    assert layer(tf.constant(POINTS)).dtype == tf.float32
    again = KeypointHeatmaps.from_config(layer.get_config())
    np.testing.assert_array_equal(again(POINTS), layer(POINTS))
