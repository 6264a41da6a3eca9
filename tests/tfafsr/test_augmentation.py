"""Random changes alter all fields of an example consistently, eagerly and inside tf.data."""

import numpy as np
import pytest
import tensorflow as tf

from tfafsr.augmentation import cover, crop, flip, random_flip, random_jitter, recolour
from tfafsr.layers.ela import ErrorLevelAnalysis

SIZE = 30  # no multiple of 8: the blocks of the mirrored frame cut it elsewhere


def ela_of(frame):
    return np.round(ErrorLevelAnalysis()(frame[None])[0].numpy()).astype(np.uint8)


@pytest.fixture(scope="module")
def example():
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIZE, :SIZE]
    frame = np.clip(np.stack([3 * x + 2 * y, 5 * x, 4 * y + x], -1) + rng.integers(40, size=(SIZE, SIZE, 3)), 0, 255)
    frame = frame.astype(np.uint8)
    return {
        "frame": frame,
        "target": rng.integers(256, size=(SIZE, SIZE, 3), dtype=np.uint8),
        "ela": ela_of(frame),
        "mask": (255 * (x < 10)[..., None]).astype(np.uint8),
        "keypoints": np.array([[0.3, 0.35], [0.7, 0.36], [0.45, 0.5], [0.35, 0.7], [0.65, 0.72]], np.float32),
        "label": np.int64(1),
        "video": np.bytes_(b"ffpp/Deepfakes/c40/000_003"),
    }


def eagerly(example, flipped):
    tensors = {name: tf.constant(value) for name, value in example.items()}
    return {name: value.numpy() for name, value in flip(tensors, tf.constant(flipped)).items()}


def in_tf_data(example, flipped):
    dataset = tf.data.Dataset.from_tensors((example, flipped)).map(flip)
    for name, spec in dataset.element_spec.items():
        assert spec.shape == np.shape(example[name]), name  # static shapes survive
    return next(dataset.as_numpy_iterator())


@pytest.mark.parametrize("run", [eagerly, in_tf_data])
def test_flipped(example, run):
    flipped = run(example, True)
    assert list(flipped) == list(example)
    for name in ("frame", "target", "mask"):
        np.testing.assert_array_equal(flipped[name], example[name][:, ::-1])
    # x -> 1 - x, and the eye that was at the viewer's right is now the left one.
    expected = [[0.3, 0.36], [0.7, 0.35], [0.55, 0.5], [0.35, 0.72], [0.65, 0.7]]
    np.testing.assert_allclose(flipped["keypoints"], expected, atol=1e-6)
    assert flipped["label"] == 1
    assert flipped["video"] == b"ffpp/Deepfakes/c40/000_003"
    for name, value in flipped.items():
        assert np.asarray(value).dtype == np.asarray(example[name]).dtype or name == "video"


@pytest.mark.parametrize("run", [eagerly, in_tf_data])
def test_the_error_image_is_that_of_the_flipped_frame(example, run):
    flipped = run(example, True)
    np.testing.assert_array_equal(flipped["ela"], ela_of(example["frame"][:, ::-1]))
    assert np.mean(flipped["ela"] != example["ela"][:, ::-1]) > 0.1  # mirroring the error image would not do


@pytest.mark.parametrize("run", [eagerly, in_tf_data])
def test_not_flipped(example, run):
    for name, value in run(example, False).items():
        np.testing.assert_array_equal(value, example[name])


def test_a_point_on_the_face_keeps_its_pixel(example):
    for keypoints in (example["keypoints"], np.array([[0.02, 0.5]] * 5, np.float32)):
        flipped = eagerly({**example, "keypoints": keypoints}, True)
        for index, mirrored in enumerate([1, 0, 2, 4, 3]):
            column, row = (keypoints[index] * SIZE).astype(int)
            new_column, new_row = (flipped["keypoints"][mirrored] * SIZE - [1e-3, 0]).astype(int)
            np.testing.assert_array_equal(flipped["frame"][new_row, new_column], example["frame"][row, column])


def test_twice_is_not_at_all(example):
    twice = eagerly(eagerly(example, True), True)
    for name in ("frame", "target", "mask", "ela", "keypoints"):
        np.testing.assert_allclose(twice[name], example[name], atol=1e-6)


def test_missing_fields_and_a_plain_bool(example):
    flipped = flip({"mask": tf.constant(example["mask"])}, True)
    np.testing.assert_array_equal(flipped["mask"], example["mask"][:, ::-1])
    with pytest.raises(ValueError, match="needs its frame"):
        flip({"ela": tf.constant(example["ela"])}, True)


def test_random_flips_depend_on_the_seed_alone(example):
    def choices(seed):
        dataset = tf.data.Dataset.from_tensors(example["mask"]).repeat(200).enumerate()
        first = tf.constant([seed, 3 << 32], tf.int64)
        flipped = dataset.map(
            lambda index, mask: random_flip({"mask": mask}, first + tf.stack([0, index]))["mask"][0, 0, 0] == 0,
            num_parallel_calls=2,
            deterministic=True,
        )
        return np.array(list(flipped.as_numpy_iterator()))

    first = choices(0)
    np.testing.assert_array_equal(first, choices(0))
    assert np.any(first != choices(1))
    assert 65 < first.sum() < 135  # 200 flips of a coin: 100, give or take five times its deviation of 7
    eager = random_flip({"mask": tf.constant(example["mask"])}, tf.constant([0, 3 << 32], tf.int64))["mask"]
    assert bool(eager[0, 0, 0] == 0) == first[0]


def test_frame_and_target_get_the_same_colours(example):
    images = {name: tf.constant(example[name]) for name in ("frame", "target", "mask")}
    changed = recolour(images, tf.constant(1.2), tf.constant(-7.0), tf.constant([1.1, 1.0, 0.9]))
    np.testing.assert_array_equal(changed["mask"], example["mask"])
    for name in ("frame", "target"):
        expected = (example[name] - 127.5) * 1.2 * np.array([1.1, 1.0, 0.9]) + 127.5 - 7
        assert np.abs(changed[name].numpy() - np.clip(expected, 0, 255)).max() <= 0.51, name


def test_a_crop_keeps_images_mask_and_key_points_together(example):
    """A bright dot at a key point is still at the key point."""
    dotted = np.zeros((SIZE, SIZE, 3), np.uint8)
    dotted[12:15, 15:18] = 255  # centre (16.5, 13.5)
    images = {
        "frame": dotted,
        "target": dotted,
        "mask": dotted[..., :1],
        "keypoints": np.tile(np.float32([16.5 / SIZE, 13.5 / SIZE]), (5, 1)),
    }
    cropped = crop({name: tf.constant(value) for name, value in images.items()}, *map(tf.constant, (20, 5, 8)))
    y, x = np.mgrid[:SIZE, :SIZE] + 0.5
    for name in ("frame", "target", "mask"):
        weight = cropped[name].numpy()[..., 0].astype(float)
        centre = np.array([(weight * x).sum(), (weight * y).sum()]) / weight.sum() / SIZE
        np.testing.assert_allclose(cropped["keypoints"][0], centre, atol=0.02)
        np.testing.assert_allclose(centre, [8.5 / 20, 8.5 / 20], atol=0.02)
    assert set(np.unique(cropped["mask"])) == {0, 255}


def test_key_points_outside_of_the_crop_come_to_its_border(example):
    images = {"frame": tf.constant(example["frame"]), "keypoints": tf.constant([[0.0, 1.0]] * 5)}
    cropped = crop(images, *map(tf.constant, (24, 3, 3)))
    np.testing.assert_array_equal(cropped["keypoints"], [[0.0, 1.0]] * 5)


def test_a_covered_part_is_painted_and_is_not_manipulated(example):
    images = {name: tf.constant(example[name]) for name in ("frame", "target", "mask")}
    covered = cover(images, tf.constant([4, 2, 9, 8]), tf.constant([1, 2, 3], tf.uint8))
    expected = {name: example[name].copy() for name in images}
    expected["frame"][4:9, 2:8] = expected["target"][4:9, 2:8] = (1, 2, 3)
    expected["mask"][4:9, 2:8] = 0
    for name, value in expected.items():
        np.testing.assert_array_equal(covered[name], value)


def test_random_jitter_depends_on_the_seed_alone_and_recomputes_the_error_image(example):
    dataset = tf.data.Dataset.from_tensors(example).repeat(80).enumerate()
    dataset = dataset.map(lambda index, fields: random_jitter(fields, tf.stack([np.int64(3), index])))
    for name, spec in dataset.element_spec.items():
        assert spec.shape == np.shape(example[name]), name
    once, again = (list(dataset.as_numpy_iterator()) for _ in range(2))
    unchanged = [np.array_equal(one["frame"], example["frame"]) for one in once]
    assert 2 <= sum(unchanged) <= 22  # an eighth is expected
    assert any(not np.array_equal(one["keypoints"], example["keypoints"]) for one in once)
    for one, other in zip(once, again, strict=True):
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])
        np.testing.assert_array_equal(one["ela"], ela_of(one["frame"]))
        assert (one["label"], one["video"]) == (1, example["video"])
