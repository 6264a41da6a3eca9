"""ErrorLevelAnalysis: the arithmetic of records/ela.py, inside a graph, with a gradient."""

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from records import ela as reference
from tfafsr.layers import ErrorLevelAnalysis


def a_photograph(size: int, seed: int = 0) -> np.ndarray:
    """Smooth shapes in muted colours with texture and noise: JPEG finds something to take at every frequency."""
    rng = np.random.default_rng(seed)
    colours = rng.uniform(60, 195, (9, 9, 1)) + rng.uniform(-30, 30, (9, 9, 3))
    image = cv2.resize(colours.astype(np.float32), (size, size), interpolation=cv2.INTER_CUBIC)
    image += cv2.resize(rng.normal(0, 10, (size // 4, size // 4, 3)).astype(np.float32), (size, size))
    return np.clip(image + rng.normal(0, 3, image.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("quality", [75, 80, 85, 90, 95])
@pytest.mark.parametrize("size", [64, 97, 225])
def test_it_agrees_with_the_records(size, quality):
    image = a_photograph(size)
    ours = ErrorLevelAnalysis(quality, gain=1.0)(image[None])[0].numpy()
    theirs = reference.error_level_analysis(image, quality, gain=1.0).astype(np.float32)
    assert np.abs(ours - theirs).mean() < 0.05  # grey levels, before the gain


@pytest.mark.parametrize("quality", [75, 90, 95])
@pytest.mark.parametrize("size", [64, 97, 225])
def test_jpeg_agrees_with_libjpeg(size, quality):
    image = a_photograph(size)
    flags = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    theirs = cv2.imdecode(cv2.imencode(".jpg", image[..., ::-1], flags)[1], cv2.IMREAD_COLOR)[..., ::-1]
    ours = ErrorLevelAnalysis(quality).jpeg(tf.constant(image[None], tf.float32))[0].numpy()
    assert np.abs(ours - theirs).mean() < 0.5


def test_the_same_inside_tf_data():
    layer, images = ErrorLevelAnalysis(), np.stack([a_photograph(65, seed) for seed in range(3)])
    in_graph = next(iter(tf.data.Dataset.from_tensors(images).map(layer)))
    np.testing.assert_allclose(in_graph, layer(images), atol=20.0 + 1e-3)  # one level, times the gain, on a tie of rounding
    assert np.mean(np.abs(in_graph - layer(images))) < 0.05


def test_a_flat_image_has_no_error():
    assert not ErrorLevelAnalysis()(np.full((1, 64, 64, 3), 128, np.uint8)).numpy().any()


def test_the_gradient_is_the_sign_of_the_error_times_the_gain():
    # Between whole levels |x - jpeg(x)| has slope +-1, since jpeg(x) is a constant to the gradient; clipped pixels have none.
    image = tf.constant(a_photograph(64)[None], tf.float32) + 0.25
    layer = ErrorLevelAnalysis(gain=20.0)
    with tf.GradientTape() as tape:
        tape.watch(image)
        output = layer(image)
    gradient = tape.gradient(output, image)
    inside = output < 255.0
    expected = tf.where(inside, 20.0 * tf.sign(image - layer.jpeg(image)), 0.0)
    np.testing.assert_array_equal(gradient, expected)
    assert np.mean(np.abs(gradient) > 0) > 0.5


def test_float32_under_bfloat16():
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        image = a_photograph(64)[None]
        assert ErrorLevelAnalysis()(image).dtype == tf.float32
    finally:
        keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("quality", [0, 101])
def test_a_quality_out_of_range_is_refused(quality):
    with pytest.raises(ValueError, match=f"received {quality}"):
        ErrorLevelAnalysis(quality)
