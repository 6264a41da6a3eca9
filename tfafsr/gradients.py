"""Gradients that are the same in every run, and how large those of the loss terms are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf

RESTORATION = ("reconstruction_loss", "artifact_loss")  # AFSR's own losses


def norms(detector: keras.Model, x: dict, y: dict) -> dict[str, tf.Tensor]:
    """The norms of the weighted terms' gradients on one batch (x, y); nothing is trained.

    Returns:
        term -> global norm of its gradient with respect to all trainable variables, a float32 scalar. With AFSR, also
        `afsr_restoration` and `afsr_detection`, the norms on AFSR's own variables of the gradients of its two losses
        and of the two others together, and `afsr_cosine`, the cosine of the angle between these two (0 where one of
        them is 0).
    """
    statistics = [tf.identity(variable.value) for variable in detector.non_trainable_variables]
    variables = [variable.value for variable in detector.trainable_variables]
    weights, norms = detector.weights_of_terms(), {}
    with tf.GradientTape(persistent=True) as tape:
        terms = detector.loss_terms(y, detector(x, training=True))
    for variable, value in zip(detector.non_trainable_variables, statistics, strict=True):
        variable.assign(value)
    own = [index for index, variable in enumerate(detector.trainable_variables) if variable.path.startswith("afsr_")]
    sums = {"restoration": [0.0] * len(own), "detection": [0.0] * len(own)}
    for name, term in terms.items():
        gradients = tape.gradient(term, variables, unconnected_gradients="zero")
        norms[name] = weights[name] * tf.linalg.global_norm(gradients)
        task = sums["restoration" if name in RESTORATION else "detection"]
        task[:] = [total + weights[name] * gradients[index] for total, index in zip(task, own, strict=True)]
    if own:
        restoration, detection = (tf.concat([tf.reshape(part, [-1]) for part in task], 0) for task in sums.values())
        norms |= {"afsr_restoration": tf.norm(restoration), "afsr_detection": tf.norm(detection)}
        product = norms["afsr_restoration"] * norms["afsr_detection"]
        norms["afsr_cosine"] = tf.math.divide_no_nan(tf.reduce_sum(restoration * detection), product)
    return norms


def repeatable(tape: tf.GradientTape, loss: tf.Tensor, variables: list[tf.Variable]) -> list[tf.Tensor]:
    """The gradients of `loss`, the same bit by bit in every run: in a graph, sums of gradients add two terms at a time.

    The tape sums the gradients that reach one tensor by one AddN. With three terms and more, AddN's order of addition,
    and so the last bit of the sum, depends on which thread ends first.
    """
    if tf.inside_function():
        return tf.gradients(loss, variables, aggregation_method=tf.AggregationMethod.EXPERIMENTAL_TREE)
    return tape.gradient(loss, variables)


@contextmanager
def sums_of_two() -> Iterator[None]:
    """Turns TensorFlow's arithmetic optimizer off, which would merge the sums of `repeatable` into one AddN again."""
    name = "arithmetic_optimization"
    before = tf.config.optimizer.get_experimental_options().get(name, True)
    tf.config.optimizer.set_experimental_options({name: False})
    try:
        yield
    finally:
        tf.config.optimizer.set_experimental_options({name: before})
