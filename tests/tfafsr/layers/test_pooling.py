"""Fusion pooling against Eq. 3 to 5 written out as loops."""

import numpy as np
import pytest
import tensorflow as tf

from tfafsr.layers import FusionPooling, KeypointHeatmaps

POINTS = np.float32([[[0.3, 0.4], [0.7, 0.4], [0.5, 0.6], [0.35, 0.8], [0.65, 0.8]]] * 2)


def features(channels: int = 6) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 1, (2, 8, 8, channels)).astype(np.float32)


def reference(m_cnn, m_kp, average_weights, maximum_weights) -> np.ndarray:
    """q of each face: literal means of products, the contrasts, two bottlenecks, and the sum with q1."""
    result = []
    for face, maps in zip(m_cnn.astype(np.float64), m_kp.astype(np.float64), strict=True):
        q1 = face.mean((0, 1))
        p = np.array([(face * maps[:, :, k : k + 1]).mean((0, 1)) for k in range(maps.shape[-1])])  # (K, C)
        contrasts = p.mean(0) - q1, p.max(0) - q1
        halves = [
            contrast @ kernel + bias
            for contrast, (kernel, bias) in zip(contrasts, (average_weights, maximum_weights), strict=True)
        ]
        result.append(q1 + np.concatenate(halves))
    return np.array(result)


def test_against_the_equations_written_as_loops():
    m_cnn, m_kp = features(), KeypointHeatmaps(64, 8)(POINTS).numpy()
    layer = FusionPooling()
    layer.build([m_cnn.shape, m_kp.shape])
    for bottleneck in (layer.average_bottleneck, layer.maximum_bottleneck):
        bottleneck.bias.assign(np.random.default_rng(1).normal(0, 1, 3))
    expected = reference(m_cnn, m_kp, layer.average_bottleneck.get_weights(), layer.maximum_bottleneck.get_weights())
    np.testing.assert_allclose(layer([m_cnn, m_kp]), expected, rtol=1e-4, atol=1e-5)


def test_constant_features_have_no_contrast():
    # p_k is a weighted mean, so that all p_k equal q1 and q is q1 (the bottlenecks' biases start at 0).
    m_cnn = np.full((2, 8, 8, 6), 3, np.float32)
    np.testing.assert_allclose(FusionPooling()([m_cnn, KeypointHeatmaps(64, 8)(POINTS)]), 3, rtol=1e-5)


def test_output_changes_when_the_key_points_move():
    layer, heatmaps = FusionPooling(), KeypointHeatmaps(64, 8)
    here, there = (layer([features(), heatmaps(points)]).numpy() for points in (POINTS, POINTS + np.float32(0.1)))
    assert np.abs(here - there).max() > 1e-2


def test_float32_under_any_policy():
    layer = FusionPooling(dtype="mixed_bfloat16")
    q = layer([tf.cast(features(), tf.bfloat16), KeypointHeatmaps(64, 8)(POINTS)])
    assert q.dtype == tf.float32
    assert q.shape == layer.compute_output_shape([(2, 8, 8, 6), (2, 8, 8, 5)])


def test_refuses_an_odd_number_of_channels():
    with pytest.raises(ValueError, match="received 5"):
        FusionPooling()([features(5), KeypointHeatmaps(64, 8)(POINTS)])
