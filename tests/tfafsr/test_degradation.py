"""Degradations change the frame and its error image alone, and depend on the seed alone."""

import cv2
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.degradation import KERNELS, at_side, degrade, random_degradation
from tfafsr.layers import ErrorLevelAnalysis

SIZE = 30


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    frame, target = rng.integers(256, size=(2, SIZE, SIZE, 3), dtype=np.uint8)
    ela = np.round(ErrorLevelAnalysis()(frame[None])[0].numpy()).astype(np.uint8)
    return {"frame": frame, "target": target, "ela": ela, "label": np.int64(1)}


def degraded(frame, factor=1.0, kernel=0, sigma=0.0, quality=0):
    arguments = tf.constant(factor), tf.constant(kernel), tf.constant(sigma), tf.constant(quality)
    return degrade(tf.constant(frame), *arguments).numpy()


def test_nothing_asked_for_changes_nothing(example):
    np.testing.assert_array_equal(degraded(example["frame"]), example["frame"])


@pytest.mark.parametrize("kernel", range(len(KERNELS)))
def test_every_kernel_removes_what_the_small_face_cannot_hold(example, kernel):
    found = degraded(example["frame"], factor=3.0, kernel=kernel).astype(float)
    assert found.std() < 0.6 * example["frame"].std()
    assert abs(found.mean() - example["frame"].mean()) < 3


def test_the_blur_is_a_gaussian(example):
    found = degraded(example["frame"], sigma=1.2)
    expected = cv2.GaussianBlur(example["frame"].astype(np.float32), (9, 9), 1.2, borderType=cv2.BORDER_REFLECT_101)
    assert np.abs(found - expected).max() <= 0.51


def test_jpeg_is_stronger_at_lower_quality(example):
    errors = [np.abs(degraded(example["frame"], quality=q).astype(float) - example["frame"]).mean() for q in (30, 90)]
    assert errors[0] > errors[1] + 3 > 5


def keys_kernel(distance):
    """Keys' cubic convolution with a = -0.5, whose weights at distances below 1 and below 2 are two cubics."""
    x = abs(distance)
    return 1.5 * x**3 - 2.5 * x**2 + 1 if x <= 1 else -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def enlarged(small, size):
    """Bicubic enlargement of (s, s, 3); weights of pixels beyond the border go to the others in proportion."""
    weights = np.array(
        [[keys_kernel((row + 0.5) * len(small) / size - 0.5 - x) for x in range(len(small))] for row in range(size)]
    )
    weights /= weights.sum(axis=1, keepdims=True)
    return np.einsum("yi,xj,ijc->yxc", weights, weights, small)


def test_a_face_at_a_side_is_the_mean_of_areas_enlarged_by_cubics(example):
    frames = np.stack([example["frame"], example["target"]])
    means = frames.reshape(2, 10, 3, 10, 3, 3).mean(axis=(2, 4))
    expected = np.stack([enlarged(small, SIZE) for small in means])
    found = at_side({"frame": tf.constant(frames)}, 10)["frame"].numpy()
    assert found.dtype == np.uint8
    assert np.abs(found - np.clip(expected, 0, 255)).max() <= 0.6  # TensorFlow tabulates the kernel
    uneven = at_side({"frame": tf.constant(frames)}, 7)["frame"].numpy()
    small = np.stack([cv2.resize(frame.astype(np.float32), (7, 7), interpolation=cv2.INTER_AREA) for frame in frames])
    assert np.abs(uneven - np.clip([enlarged(one, SIZE) for one in small], 0, 255)).max() <= 0.6


def test_at_a_side_the_error_image_is_that_of_the_changed_frame_and_the_rest_stays(example):
    batch = {name: tf.constant(np.asarray(value)[None]) for name, value in example.items()}
    found = tf.function(lambda fields: at_side(fields, 8))(batch)
    expected = np.round(ErrorLevelAnalysis()(found["frame"]).numpy())
    np.testing.assert_array_equal(found["ela"].numpy(), expected.astype(np.uint8))
    assert found["ela"].dtype == tf.uint8
    np.testing.assert_array_equal(found["target"].numpy()[0], example["target"])
    full = at_side(batch, SIZE)
    assert all(np.array_equal(full[name], value) for name, value in batch.items())


@pytest.mark.parametrize("side", [0, SIZE + 1])
def test_a_side_that_the_frame_has_not_is_refused(example, side):
    with pytest.raises(ValueError, match=rf"side must be in \[1, {SIZE}\].*received {side}\."):
        at_side({"frame": tf.constant(example["frame"][None])}, side)


def test_random_degradations_change_frame_and_error_image_and_depend_on_the_seed_alone(example):
    first = tf.constant([0, 3 << 32], tf.int64)
    dataset = tf.data.Dataset.from_tensors(example).repeat(60).enumerate()
    dataset = dataset.map(
        lambda index, fields: random_degradation(fields, first + tf.stack([0, index])), num_parallel_calls=2
    )
    assert {name: spec.shape for name, spec in dataset.element_spec.items()} == {
        name: value.shape for name, value in example.items()
    }
    once, again = (list(dataset.as_numpy_iterator()) for _ in range(2))
    changed = [not np.array_equal(one["frame"], example["frame"]) for one in once]
    assert 15 < sum(changed) < 45
    assert len({one["frame"].tobytes() for one in once}) > 0.9 * sum(changed)
    for one, same in zip(once, again, strict=True):
        np.testing.assert_array_equal(one["frame"], same["frame"])
        np.testing.assert_array_equal(one["target"], example["target"])
        np.testing.assert_array_equal(one["ela"], np.round(ErrorLevelAnalysis()(one["frame"][None])[0]))


def test_a_share_of_0_changes_nothing_and_the_error_image_may_be_missing(example):
    fields = {"frame": tf.constant(example["frame"])}
    found = random_degradation(fields, tf.constant([1, 2], tf.int64), share=0.0)
    np.testing.assert_array_equal(found["frame"], example["frame"])
    found = random_degradation(fields, tf.constant([1, 2], tf.int64), share=1.0)
    assert list(found) == ["frame"]
    assert np.any(found["frame"] != example["frame"])
