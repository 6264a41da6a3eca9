"""probability = sigmoid(a * logit + b), and its odds as a power of ten."""

import keras
import numpy as np

from tfafsr.layers import PlattScaling


def test_scale_and_bias_are_applied_to_the_logit():
    layer = PlattScaling(dtype="mixed_bfloat16")
    logit = np.float32([[-3], [0], [3]])
    for scale, bias in ((1, 0), (0.5, -0.75)):  # as it is made, and calibrated
        if scale != 1:
            layer.scale.assign(scale)
            layer.bias.assign(bias)
        outputs = layer(logit)
        np.testing.assert_allclose(outputs["probability"], 1 / (1 + np.exp(-(scale * logit + bias))), rtol=1e-6)
        np.testing.assert_allclose(
            outputs["log10_likelihood_ratio"], (scale * logit + bias) / np.log(10), rtol=1e-6, atol=1e-7
        )
    assert not layer.trainable_variables
    assert layer.compute_dtype == "float32"


def test_odds_of_the_probability_are_the_ratio():
    outputs = PlattScaling()(np.float32([[-2], [1]]))
    probability = keras.ops.convert_to_numpy(outputs["probability"])
    np.testing.assert_allclose(10 ** outputs["log10_likelihood_ratio"], probability / (1 - probability), rtol=1e-5)
