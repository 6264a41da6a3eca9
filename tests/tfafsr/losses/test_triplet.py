"""Both triplet losses: a hand-worked, a perfect and a worst batch, plain loops, and batches without triplets."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfafsr.losses import TripletHardLoss, TripletSemiHardLoss, triplet_hard_loss, triplet_semihard_loss
from tfafsr.losses.triplet import pairwise_distances

LOSSES = [triplet_semihard_loss, triplet_hard_loss]
CLASSES = [TripletSemiHardLoss, TripletHardLoss]

# Four points on a line, so that distances are differences.         D    a0   a1   b0   b1
LABELS = np.array([0, 0, 1, 1])  #                                  a0   0    3    1    5
POINTS = np.array([[0.0], [3.0], [1.0], [5.0]], np.float32)  #      a1   3    0    2    2
#                                                                   b0   1    2    0    4
#                                                                   b1   5    2    4    0


def by_loops(labels, embeddings, margin, mining, normalize):
    """The losses' definition, in loops over anchors, positives and negatives."""
    vectors = embeddings.astype(np.float64)
    if normalize:
        vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

    def distance(i, j):
        return np.sqrt(((vectors[i] - vectors[j]) ** 2).sum())

    losses = []
    for a in range(len(labels)):
        positives = [p for p in range(len(labels)) if p != a and labels[p] == labels[a]]
        negatives = [distance(a, n) for n in range(len(labels)) if labels[n] != labels[a]]
        if not positives or not negatives:
            continue
        if mining == "hard":
            losses.append(max(max(distance(a, p) for p in positives) - min(negatives) + margin, 0))
            continue
        for p in positives:
            beyond = [d for d in negatives if d > distance(a, p)]
            losses.append(max(distance(a, p) - (min(beyond) if beyond else max(negatives)) + margin, 0))
    return sum(losses) / len(losses) if losses else 0.0


def gradient_of(loss, labels, embeddings, **options):
    embeddings = tf.convert_to_tensor(embeddings)
    with tf.GradientTape() as tape:
        tape.watch(embeddings)
        value = loss(labels, embeddings, **options)
    return value, tape.gradient(value, embeddings)


def test_distances_of_the_hand_worked_batch():
    expected = [[0, 3, 1, 5], [3, 0, 2, 2], [1, 2, 0, 4], [5, 2, 4, 0]]
    np.testing.assert_allclose(pairwise_distances(POINTS, normalize=False), expected, atol=1e-6)
    # On the unit circle: 90 degrees apart sqrt(2), opposite 2, whatever the lengths were.
    vectors = np.array([[3, 0], [0, 0.1], [-7, 0]], np.float32)
    root = np.sqrt(2)
    np.testing.assert_allclose(pairwise_distances(vectors), [[0, root, 2], [root, 0, root], [2, root, 0]], atol=1e-6)


def test_semi_hard_hand_worked():
    # (a, p)   D_ap  negatives' D   semi-hard        D_ap - D_an + 1
    # a0, a1    3    1, 5           5 (beyond 3)     -1 -> 0
    # a1, a0    3    2, 2           2 (farthest)      2
    # b0, b1    4    1, 2           2 (farthest)      3
    # b1, b0    4    5, 2           5 (beyond 4)      0
    np.testing.assert_allclose(triplet_semihard_loss(LABELS, POINTS, margin=1.0, normalize=False), 5 / 4, rtol=1e-5)


def test_hard_hand_worked():
    # anchor   farthest positive   nearest negative   D_ap - D_an + 1
    # a0              3                   1                 3
    # a1              3                   2                 2
    # b0              4                   1                 4
    # b1              4                   2                 3
    np.testing.assert_allclose(triplet_hard_loss(LABELS, POINTS, margin=1.0, normalize=False), 12 / 4, rtol=1e-5)


@pytest.mark.parametrize("loss", LOSSES)
def test_perfect_batch(loss):
    # Each class on one spot, the classes opposite each other: 0 - 2 + 0.5 < 0.
    vectors = np.array([[1, 0], [2, 0], [-1, 0], [-3, 0]], np.float32)
    value, gradient = gradient_of(loss, LABELS, vectors)
    assert value == 0
    assert not np.any(gradient)


@pytest.mark.parametrize("loss", LOSSES)
def test_worst_batch(loss):
    # Every positive is opposite, one negative equal and one opposite. Nothing lies beyond D_ap = 2, and the farthest
    # negative is 2 away: semi-hard 2 - 2 + 0.5. The nearest is 0 away: hard 2 - 0 + 0.5, the most that can be lost.
    vectors = np.array([[1, 0], [-1, 0], [1, 0], [-1, 0]], np.float32)
    np.testing.assert_allclose(loss(LABELS, vectors), 0.5 if loss is triplet_semihard_loss else 2.5, rtol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize(("loss", "mining"), list(zip(LOSSES, ["semi_hard", "hard"], strict=True)))
def test_against_loops(loss, mining, normalize):
    rng = np.random.default_rng(5)
    for size, classes, margin, apart in [
        (2, 2, 0.5, 0),
        (9, 2, 0.5, 0),
        (12, 2, 0.2, 2),
        (16, 5, 1.0, 1),
        (7, 7, 0.5, 0),
        (24, 2, 0.5, 0),
    ]:
        labels = rng.integers(classes, size=size)
        embeddings = (rng.normal(size=(size, 6)) + apart * labels[:, None]).astype(np.float32)
        expected = by_loops(labels, embeddings, margin, mining, normalize)
        np.testing.assert_allclose(loss(labels, embeddings, margin, normalize), expected, rtol=1e-05, atol=1e-06)


@pytest.mark.parametrize("loss", LOSSES)
def test_gradient_against_finite_differences(loss):
    rng = np.random.default_rng(8)
    labels = np.array([0, 1, 0, 1, 1, 0, 0, 1])
    embeddings = rng.normal(size=(8, 4)).astype(np.float32)
    mining = "hard" if loss is triplet_hard_loss else "semi_hard"
    _, gradient = gradient_of(loss, labels, embeddings)
    step = 1e-5
    for index in np.ndindex(embeddings.shape):
        moved = np.zeros(embeddings.shape)
        moved[index] = step
        above = by_loops(labels, embeddings.astype(np.float64) + moved, 0.5, mining, True)
        below = by_loops(labels, embeddings.astype(np.float64) - moved, 0.5, mining, True)
        np.testing.assert_allclose(gradient[index], (above - below) / (2 * step), rtol=0, atol=0.0001)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("labels", [[1], [0, 1], [1, 1, 1], [0, 0, 0, 0]], ids=str)
def test_no_triplet_no_loss(loss, labels):
    value, gradient = gradient_of(loss, np.array(labels), np.eye(len(labels), 4, dtype=np.float32))
    assert value == 0
    assert not np.any(gradient)


@pytest.mark.parametrize("loss", LOSSES)
def test_anchors_without_a_positive_are_not_counted(loss):
    # a0 and a1 are anchors, b0 is alone: (1 - 3 + 3 + 1 - 2 + 3) / 2 = 1.5, not divided by 3.
    np.testing.assert_allclose(loss([0, 0, 1], np.array([[0.0], [1.0], [3.0]], np.float32), 3.0, False), 1.5, rtol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("vector", [0.0, 1.0])
@pytest.mark.parametrize("loss", LOSSES)
def test_identical_embeddings_have_finite_gradients(loss, vector, normalize):
    # All distances are 0, so that every triplet loses the margin; the square root's slope at 0 must not show.
    value, gradient = gradient_of(loss, LABELS, np.full((4, 8), vector, np.float32), normalize=normalize)
    np.testing.assert_allclose(value, 0.5, rtol=1e-5)
    assert np.all(np.isfinite(gradient))


@pytest.mark.parametrize("loss", LOSSES)
def test_two_equal_embeddings_among_others(loss):
    # A real face that is repeated to balance the classes may stand twice in a batch.
    vectors = np.array([[1, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    value, gradient = gradient_of(loss, LABELS, vectors)
    assert np.isfinite(value)
    assert np.all(np.isfinite(gradient))
    assert np.any(gradient)


@pytest.mark.parametrize("loss", LOSSES)
def test_float32_from_bfloat16_and_any_label_dtype(loss):
    rng = np.random.default_rng(1)
    half = tf.cast(rng.normal(size=(8, 16)), tf.bfloat16)
    labels = np.arange(8) % 2
    value = loss(labels, half)
    assert value.dtype == tf.float32
    assert value == loss(labels, tf.cast(half, tf.float32))
    assert value == loss(labels.astype(np.float32)[:, None], half)


@pytest.mark.parametrize("loss", LOSSES)
def test_inside_a_graph_with_an_open_batch(loss):
    @tf.function(input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, 16])])
    def traced(labels, embeddings):
        return gradient_of(loss, labels, embeddings)

    rng = np.random.default_rng(2)
    for size in (1, 2, 9):
        labels, embeddings = np.arange(size) % 2, rng.normal(size=(size, 16)).astype(np.float32)
        for eager, graph in zip(gradient_of(loss, labels, embeddings), traced(labels, embeddings), strict=True):
            np.testing.assert_allclose(graph, eager, atol=1e-6)


@pytest.mark.parametrize(("kind", "loss"), list(zip(CLASSES, LOSSES, strict=True)))
def test_the_classes_are_the_functions_and_serialize(kind, loss):
    original = kind(margin=0.3, normalize=False, name="triplet")
    restored = keras.losses.deserialize(keras.losses.serialize(original))
    assert isinstance(restored, kind)
    assert restored.get_config() == original.get_config()
    np.testing.assert_allclose(restored(LABELS, POINTS), loss(LABELS, POINTS, margin=0.3, normalize=False), rtol=1e-5)
    with pytest.raises(ValueError, match=r"-1"):
        kind(margin=-1)
