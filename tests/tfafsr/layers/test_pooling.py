"""FusionPooling against Eq. 3 to 5 written out, and its key points matter."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.layers import FusionPooling, KeypointHeatmaps


def written_out(features, heatmaps, layer):
    """Eq. 3: p_k = g(m_cnn * m_kp,k), g the mean over cells; Eq. 4: mean and maximum; Eq. 5: q1 plus the two contrasts."""
    batch, _, _, channels = features.shape
    result = np.zeros((batch, channels))
    for b in range(batch):
        q1 = features[b].mean(axis=(0, 1))
        p = np.stack([(features[b] * heatmaps[b, :, :, k : k + 1]).mean(axis=(0, 1)) for k in range(heatmaps.shape[-1])])
        halves = []
        for pooled, dense in ((p.mean(axis=0), layer.average_bottleneck), (p.max(axis=0), layer.maximum_bottleneck)):
            kernel, bias = (weight.numpy() for weight in dense.weights)
            halves.append((pooled - q1) @ kernel + bias)
        result[b] = q1 + np.concatenate(halves)
    return result


@pytest.fixture
def inputs():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(2, 8, 8, 6)).astype(np.float32)
    return features, KeypointHeatmaps(64, 8)(rng.random((2, 5, 2)).astype(np.float32)).numpy()


def test_against_the_equations(inputs):
    layer = FusionPooling()
    output = layer(inputs).numpy()
    np.testing.assert_allclose(output, written_out(*inputs, layer), rtol=1e-4, atol=1e-5)


def test_equal_features_everywhere_have_no_contrast(inputs):
    # With one feature vector in every cell p_k = q1, so that q = q1 (biases are zero at first).
    features = np.broadcast_to(np.arange(6, dtype=np.float32), (2, 8, 8, 6))
    np.testing.assert_allclose(FusionPooling()((features, inputs[1])), features[:, 0, 0], rtol=1e-5, atol=1e-5)


def test_it_changes_when_the_key_points_move(inputs):
    layer = FusionPooling()
    before = layer(inputs).numpy()
    moved = KeypointHeatmaps(64, 8)(np.random.default_rng(1).random((2, 5, 2)).astype(np.float32))
    assert np.abs(layer((inputs[0], moved)).numpy() - before).max() > 1e-2


def test_float32_from_bfloat16_features(inputs):
    layer = FusionPooling()
    assert layer((tf.cast(inputs[0], tf.bfloat16), inputs[1])).dtype == tf.float32


def test_an_odd_number_of_channels_is_refused():
    with pytest.raises(ValueError, match="received 5"):
        FusionPooling().build([(None, 8, 8, 5), (None, 8, 8, 5)])


def test_it_is_saved_with_its_weights(inputs, tmp_path):
    features, heatmaps = keras.Input((8, 8, 6)), keras.Input((8, 8, 5))
    model = keras.Model([features, heatmaps], FusionPooling()([features, heatmaps]))
    model.save(tmp_path / "pooling.keras")
    loaded = keras.models.load_model(tmp_path / "pooling.keras")
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
