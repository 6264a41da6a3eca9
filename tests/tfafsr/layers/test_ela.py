"""Error level analysis in the graph: the records' arithmetic, and near libjpeg's."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from faces import error_level_analysis, jpeg_round_trip
from tfafsr.layers import ErrorLevelAnalysis

SIZES, QUALITIES = (64, 97, 225), (75, 85, 90, 95)


def picture(size: int, seed: int = 0) -> np.ndarray:
    """Soft shapes in muted colours, a hard edge and some grain: uint8 (size, size, 3)."""
    rng = np.random.default_rng(seed)
    soft = cv2.GaussianBlur(rng.normal(0, 1, (size, size, 4)), (0, 0), size / 12)
    soft /= soft.std()
    image = 128 + 40 * soft[..., 3:] + 10 * soft[..., :3] + rng.normal(0, 2, (size, size, 3))
    cv2.circle(image, (size // 2, size // 2), size // 5, (200, 150, 120), 3)
    return np.clip(np.round(image), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quality", QUALITIES)
def test_is_the_records_arithmetic(size, quality):
    images = np.stack([picture(size, 1), np.random.default_rng(2).integers(0, 256, (size, size, 3), dtype=np.uint8)])
    layer = ErrorLevelAnalysis(quality)
    jpeg, ela = layer.jpeg(tf.cast(images, tf.float32)), layer(images)
    for index, image in enumerate(images):
        assert np.abs(jpeg[index] - jpeg_round_trip(image, quality)).mean() < 0.05
        assert np.abs(ela[index] - error_level_analysis(image, quality)).mean() < 0.05 * 20


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("quality", QUALITIES)
def test_is_near_libjpeg(size, quality):
    image = picture(size, 3)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    options += [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    encoded = cv2.imencode(".jpg", image[..., ::-1], options)[1]
    theirs = cv2.imdecode(encoded, cv2.IMREAD_COLOR)[..., ::-1]
    ours = ErrorLevelAnalysis(quality).jpeg(tf.cast(image[None], tf.float32))[0]
    assert np.abs(ours - theirs.astype(np.float32)).mean() < 0.5


def test_same_values_inside_tf_data():
    images = np.stack([picture(65, seed) for seed in range(2)])
    layer = ErrorLevelAnalysis(90)
    mapped = tf.data.Dataset.from_tensor_slices(images).batch(2).map(layer)
    np.testing.assert_array_equal(next(iter(mapped)), layer(images))


def test_values_are_in_range_and_float32_under_any_policy():
    noise = np.random.default_rng(0).integers(0, 256, (1, 64, 64, 3), dtype=np.uint8)
    ela = ErrorLevelAnalysis(1, gain=100.0, dtype="mixed_bfloat16")(noise)
    assert ela.dtype == tf.float32
    assert ela.numpy().min() >= 0
    assert ela.numpy().max() == 255


def test_an_image_between_whole_levels_is_taken_as_a_file_would_hold_it():
    image = picture(64).astype(np.float32)[None]
    np.testing.assert_array_equal(ErrorLevelAnalysis()(image + 0.3), ErrorLevelAnalysis()(image))


def test_gradient_is_the_sign_of_the_error_times_the_gain():
    layer = ErrorLevelAnalysis(75, gain=2.0)
    image = tf.constant(picture(64)[None], tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(image)
        ela = layer(image)
    gradient = tape.gradient(ela, image)
    np.testing.assert_array_equal(gradient, 2 * np.sign(image - layer.jpeg(image)))
    assert np.abs(gradient).mean() > 1


@pytest.mark.parametrize("quality", [0, 101])
def test_refuses_an_impossible_quality(quality):
    with pytest.raises(ValueError, match=f"received {quality}"):
        ErrorLevelAnalysis(quality)


def test_configuration_round_trip():
    layer = ErrorLevelAnalysis.from_config(ErrorLevelAnalysis(80, gain=10.0, name="error").get_config())
    assert (layer.quality, layer.gain, layer.name) == (80, 10.0, "error")
