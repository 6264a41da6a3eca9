"""Self-blended fakes: the face of a real example is blended with a changed copy of itself."""

import numpy as np
import pytest
import tensorflow as tf

from tfafsr.layers import ErrorLevelAnalysis
from tfafsr.self_blending import self_blend

SIZE = 64
POINTS = np.array([(0.35, 0.4), (0.65, 0.4), (0.5, 0.55), (0.38, 0.7), (0.62, 0.7)], np.float32)
CORNERS = [(slice(0, 5), slice(0, 5)), (slice(0, 5), slice(-5, None)), (slice(-3, None), slice(0, 3))]
CENTRE = (slice(24, 40), slice(24, 40))


def example(seed=0):
    rng = np.random.default_rng(seed)
    target = np.repeat(np.repeat(rng.integers(256, size=(SIZE // 4, SIZE // 4, 3)), 4, 0), 4, 1).astype(np.uint8)
    frame = np.clip(target.astype(int) + rng.integers(-9, 10, target.shape), 0, 255).astype(np.uint8)
    ela = np.round(ErrorLevelAnalysis()(frame[None])[0].numpy()).astype(np.uint8)
    mask = np.zeros((SIZE, SIZE, 1), np.uint8)
    return {
        "frame": frame, "target": target, "ela": ela, "mask": mask, "keypoints": POINTS, "label": np.int64(0),
        "mask_known": np.int64(1),
    }  # fmt: skip


def blended(fields, seed=0):
    given = {name: tf.constant(value) for name, value in fields.items()}
    found = self_blend(given, tf.constant((seed, 7), tf.int64))
    return {name: value.numpy() for name, value in found.items()}


def test_fields_keep_shapes_and_dtypes():
    real = example()
    fake = blended(real)
    assert {name: (value.shape, value.dtype) for name, value in fake.items()} == {
        name: (np.shape(value), np.asarray(value).dtype) for name, value in real.items()
    }


def test_it_is_labelled_and_masked_as_a_fake():
    fake = blended(example())
    assert fake["label"] == 1
    assert set(np.unique(fake["mask"])) == {0, 255}


def test_the_face_changes_and_the_corners_do_not():
    real = example()
    for seed in range(8):
        fake = blended(real, seed)
        for rows, columns in (
            (slice(0, 5), slice(0, 5)),
            (slice(0, 5), slice(-5, None)),
            (slice(-3, None), slice(0, 3)),
        ):
            np.testing.assert_array_equal(fake["frame"][rows, columns], real["frame"][rows, columns])
            assert fake["mask"][rows, columns].max() == 0
    changes = [np.abs(blended(real, seed)["frame"].astype(int) - real["frame"])[CENTRE].mean() for seed in range(8)]
    assert min(changes) > 0.5
    assert max(changes) > 10


def test_frame_and_target_are_blended_alike():
    real = example()
    for seed in range(4):
        same = blended({**real, "target": real["frame"]}, seed)
        np.testing.assert_array_equal(same["frame"], same["target"])
        fake = blended(real, seed)
        np.testing.assert_array_equal(fake["frame"], same["frame"])
        assert np.abs(fake["target"].astype(int) - fake["frame"]).mean() < 12  # nearer than the two are to a mere shift


def test_the_mask_is_where_the_copy_lies():
    real = example()
    for seed in range(8):
        fake = blended(real, seed)
        changed = np.abs(fake["frame"].astype(int) - real["frame"]).max(axis=2) > 12
        outside = fake["mask"][..., 0] == 0
        assert changed[outside].mean() < 0.12
        assert changed[~outside].mean() > changed[outside].mean()


def test_error_levels_are_those_of_the_fake():
    fake = blended(example())
    expected = np.round(ErrorLevelAnalysis()(fake["frame"][None])[0].numpy())
    np.testing.assert_array_equal(fake["ela"], expected.astype(np.uint8))


def test_one_seed_gives_one_fake():
    real = example()
    np.testing.assert_array_equal(blended(real, 3)["frame"], blended(real, 3)["frame"])
    assert not np.array_equal(blended(real, 3)["frame"], blended(real, 4)["frame"])


def test_fields_that_are_missing_are_not_made():
    assert set(blended({name: example()[name] for name in ("frame", "keypoints", "label")})) == {
        "frame", "keypoints", "label",
    }  # fmt: skip


@pytest.mark.parametrize("points", [np.zeros((5, 2), np.float32), np.ones((5, 2), np.float32)])
def test_key_points_at_the_border_do_no_harm(points):
    fake = blended({**example(), "keypoints": points})
    assert fake["frame"].shape == (SIZE, SIZE, 3)
