"""TemperatureScaling: sigmoid at first, flatter with a higher temperature."""

import numpy as np

from tfafsr.layers import TemperatureScaling


def test_sigmoid_of_the_logit_over_the_temperature():
    layer = TemperatureScaling()
    logits = np.array([[-3.0], [0.0], [2.0]], np.float32)
    np.testing.assert_allclose(layer(logits), 1 / (1 + np.exp(-logits)), rtol=1e-6)
    layer.temperature.assign(2.0)
    np.testing.assert_allclose(layer(logits), 1 / (1 + np.exp(-logits / 2)), rtol=1e-6)


def test_training_leaves_the_temperature_alone():
    layer = TemperatureScaling()
    layer.build((None, 1))
    assert layer.trainable_weights == []
