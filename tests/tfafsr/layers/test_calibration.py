"""probability = sigmoid(logit / T)."""

import numpy as np

from tfafsr.layers import TemperatureScaling


def test_temperature_divides_the_logit():
    layer = TemperatureScaling(dtype="mixed_bfloat16")
    logit = np.float32([[-3], [0], [3]])
    np.testing.assert_allclose(layer(logit), 1 / (1 + np.exp(-logit)), rtol=1e-6)
    layer.temperature.assign(2)
    np.testing.assert_allclose(layer(logit), 1 / (1 + np.exp(-logit / 2)), rtol=1e-6)
    assert not layer.trainable_variables
    assert layer.compute_dtype == "float32"
