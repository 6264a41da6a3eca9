"""Eq. 1 and 2 on hand-worked images, against plain loops, and as Keras losses."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.losses import ArtifactLoss, ReconstructionLoss, artifact_loss, reconstruction_loss


def images(*values, size=2, channels=3):
    """One constant image for each value, float32 (B, size, size, channels)."""
    return np.stack([np.full((size, size, channels), value, np.float32) for value in values])


def mask_of(*corners):
    """For each entry a 2x2 mask whose first so many pixels are 1."""
    return np.stack([(np.arange(4) < corner).astype(np.float32).reshape(2, 2, 1) for corner in corners])


def by_loops(target, reconstruction, mask, known):
    """sum over known examples of mean over h, w, c of (M I^h - M I^r)^2, divided by their number."""
    total = 0.0
    for b in range(target.shape[0]):
        if known[b]:
            squares = []
            for h in range(target.shape[1]):
                for w in range(target.shape[2]):
                    for c in range(target.shape[3]):
                        squares.append(
                            (mask[b, h, w, 0] * target[b, h, w, c] - mask[b, h, w, 0] * reconstruction[b, h, w, c]) ** 2
                        )
            total += sum(squares) / len(squares)
    return total / sum(known) if sum(known) else 0.0


@pytest.fixture
def batch():
    rng = np.random.default_rng(3)
    target = rng.uniform(-1, 1, (5, 7, 6, 3)).astype(np.float32)
    reconstruction = rng.uniform(-1, 1, (5, 7, 6, 3)).astype(np.float32)
    mask = (rng.uniform(size=(5, 7, 6, 1)) < 0.4).astype(np.float32)
    return target, reconstruction, mask, np.array([1, 0, 1, 1, 0])


def test_hand_worked():
    # Differences 0.5 and 1 everywhere: squares 0.25 and 1, mean 0.625.
    target, reconstruction = images(0.5, -0.5), images(0.0, 0.5)
    np.testing.assert_allclose(reconstruction_loss(target, reconstruction), 0.625, rtol=1e-5)
    # Of the first image 1 of 4 pixels is manipulated, of the second 2 of 4: (0.25 / 4 + 1 / 2) / 2 = 0.28125.
    np.testing.assert_allclose(artifact_loss(target, reconstruction, mask_of(1, 2)), 0.28125, rtol=1e-5)


def test_the_unknown_do_not_count():
    target, reconstruction = images(0.5, -0.5), images(0.0, 0.5)
    np.testing.assert_allclose(reconstruction_loss(target, reconstruction, [1, 0]), 0.25, rtol=1e-5)
    np.testing.assert_allclose(reconstruction_loss(target, reconstruction, [0, 1]), 1.0, rtol=1e-5)
    np.testing.assert_allclose(artifact_loss(target, reconstruction, mask_of(1, 2), [0, 1]), 0.5, rtol=1e-5)
    assert reconstruction_loss(target, reconstruction, [0, 0]) == 0
    assert artifact_loss(target, reconstruction, mask_of(1, 2), [0, 0]) == 0


def test_perfect_and_worst():
    target = images(1.0, -1.0)
    assert reconstruction_loss(target, target) == 0
    assert artifact_loss(target, target, mask_of(4, 4)) == 0
    # The farthest from 1 is -1: a difference of 2 everywhere, squared 4; a full mask leaves it, an empty one nothing.
    np.testing.assert_allclose(reconstruction_loss(target, -target), 4.0, rtol=1e-5)
    np.testing.assert_allclose(artifact_loss(target, -target, mask_of(4, 4)), 4.0, rtol=1e-5)
    assert artifact_loss(target, -target, mask_of(0, 0)) == 0


def test_against_loops(batch):
    target, reconstruction, mask, known = batch
    ones = np.ones_like(mask)
    np.testing.assert_allclose(
        reconstruction_loss(target, reconstruction), by_loops(target, reconstruction, ones, [1] * 5), rtol=1e-05
    )
    np.testing.assert_allclose(
        reconstruction_loss(target, reconstruction, known), by_loops(target, reconstruction, ones, known), rtol=1e-05
    )
    np.testing.assert_allclose(
        artifact_loss(target, reconstruction, mask, known), by_loops(target, reconstruction, mask, known), rtol=1e-05
    )


def test_the_gradient_lies_inside_the_mask_of_known_examples(batch):
    target, reconstruction, mask, known = batch
    reconstruction = tf.constant(reconstruction)
    with tf.GradientTape() as tape:
        tape.watch(reconstruction)
        loss = artifact_loss(target, reconstruction, mask, known)
    gradient = tape.gradient(loss, reconstruction).numpy()
    expected = 2 * (reconstruction - target) * mask / (7 * 6 * 3) * known[:, None, None, None] / 3  # three are known
    np.testing.assert_allclose(gradient, expected, atol=1e-7)


def test_float32_from_bfloat16_and_inside_a_graph(batch):
    target, reconstruction, mask, known = batch
    half = tf.cast(reconstruction, tf.bfloat16)
    for loss in (reconstruction_loss(target, half), artifact_loss(tf.cast(target, tf.bfloat16), half, mask, known)):
        assert loss.dtype == tf.float32

    @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])] * 2 + [tf.TensorSpec([None, None, None, 1])])
    def both(target, reconstruction, mask):
        return reconstruction_loss(target, reconstruction), artifact_loss(target, reconstruction, mask)

    first, second = both(target, reconstruction, mask)
    np.testing.assert_allclose(first, reconstruction_loss(target, reconstruction), rtol=1e-06)
    np.testing.assert_allclose(second, artifact_loss(target, reconstruction, mask), rtol=1e-06)


@pytest.mark.parametrize("known", [[1, 0, 1, 1, 0], [0, 0, 0, 0, 0]])
def test_the_classes_are_the_functions_and_serialize(batch, known):
    target, reconstruction, mask, _ = batch
    losses = [
        keras.losses.deserialize(keras.losses.serialize(loss))
        for loss in (ReconstructionLoss(), ArtifactLoss(name="eq2"))
    ]
    assert isinstance(losses[0], ReconstructionLoss)
    assert losses[1].name == "eq2"
    np.testing.assert_allclose(
        losses[0](target, reconstruction, sample_weight=np.array(known)),
        reconstruction_loss(target, reconstruction, known),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        losses[1]({"target": target, "mask": mask}, reconstruction, sample_weight=np.array(known)),
        artifact_loss(target, reconstruction, mask, known),
        rtol=1e-5,
    )
    np.testing.assert_allclose(
        losses[0](target, reconstruction), reconstruction_loss(target, reconstruction), rtol=1e-5
    )
