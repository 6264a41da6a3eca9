"""The graph of the SavedModel: its signatures, the checks of each request, and the batching of requests."""

from __future__ import annotations

import dataclasses
import json
import uuid
from collections.abc import Callable

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import tensorflow as tf

from faces import KEYPOINTS
from savedmodel_export.images import IMAGE_BYTES, decode_faces
from savedmodel_export.model import LABELS, describe
from tfafsr import SCORES, Classifier

MAX_FACES = 1024  # of one request


@dataclasses.dataclass(frozen=True)
class Batching:
    """How faces of several requests are computed in one batch.

    The batching is part of the graph and comes after the checks of each request. With TensorFlow Serving's own batching
    one bad request would fail all requests of its batch.

    Attributes:
        faces: most faces in a batch; a larger request is split.
        timeout_us: microseconds that an incomplete batch waits for more faces. 0: only while all threads are busy.
        threads: batches computed at the same time.
        waiting: full batches that may wait; further requests are answered with UNAVAILABLE.
    """

    faces: int = 32
    timeout_us: int = 0
    threads: int = 4
    waiting: int = 64

    def __post_init__(self) -> None:
        if min(self.faces, self.threads) < 1 or self.timeout_us < 0:
            raise ValueError(f"faces and threads must be at least 1, timeout_us at least 0; received {self}.")
        if self.waiting * self.faces < MAX_FACES:
            raise ValueError(f"waiting * faces must be at least {MAX_FACES}, the largest request; received {self}.")


DEFAULT_BATCHING = Batching()


class ServingModule(tf.Module):
    """The functions of a SavedModel; `endpoints` are its signatures, which TensorFlow Serving offers.

    `detect(frame, keypoints)` is the network without checks and batching, for benchmarks and XLA.

    Args:
        detector: the trained detector.
        batching: how requests share a batch; None computes each request separately.
    """

    def __init__(self, detector: Classifier, batching: Batching | None) -> None:
        super().__init__(name="tfafsr")
        deployed = detector.deployed()
        self.weights = [variable.value for variable in deployed.variables]
        description, size = describe(detector), detector.options["size"]
        face, points = (None, size, size, 3), (None, len(KEYPOINTS), 2)
        faces = [tf.TensorSpec(face, tf.uint8, "frame"), tf.TensorSpec(points, tf.float32, "keypoints")]
        strings = tf.TensorSpec((None,), tf.string, IMAGE_BYTES)

        def outputs_of(frame: tf.Tensor, keypoints: tf.Tensor) -> dict[str, tf.Tensor]:
            fields = {"frame": frame, "keypoints": keypoints}
            return deployed({name: fields[name] for name in deployed.input}, training=False)

        def detect(frame: tf.Tensor, keypoints: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = outputs_of(frame, keypoints)
            return {name: outputs[name] for name in SCORES}

        self.detect = tf.function(detect, input_signature=faces, autograph=False)
        model = uuid.uuid4().hex  # two models loaded in one process must not share a queue
        batched_detect = _batched(self.detect, batching, f"{model}/detect")

        def serving_default(frame: tf.Tensor, keypoints: tf.Tensor) -> dict[str, tf.Tensor]:
            return batched_detect(*checked({"frame": (frame, face), "keypoints": (keypoints, points)}))

        def faces_jpeg(image_bytes: tf.Tensor, keypoints: tf.Tensor) -> dict[str, tf.Tensor]:
            images, valid = checked({IMAGE_BYTES: (image_bytes, (None,)), "keypoints": (keypoints, points)})
            return batched_detect(decode_faces(images, size), valid)

        def describe_model(request: tf.Tensor) -> dict[str, tf.Tensor]:
            # One row a request: TensorFlow Serving wants every input and output to have the batch's dimension.
            (requests,) = checked({"request": (request, (None,))})
            count = tf.shape(requests)[:1]
            constants = {
                "description": tf.constant(json.dumps(description)),
                "size": tf.constant(size, tf.int64),
                "keypoint_order": tf.constant(KEYPOINTS),
                "labels": tf.constant(LABELS),
            }
            return {
                name: tf.broadcast_to(value, tf.concat([count, value.shape], 0)) for name, value in constants.items()
            }

        def signature(function: Callable, *specs: tf.TensorSpec):
            return tf.function(function, input_signature=specs, autograph=False).get_concrete_function()

        self.endpoints = {
            "serving_default": signature(serving_default, *faces),
            "faces_jpeg": signature(faces_jpeg, strings, faces[1]),
            "describe": signature(describe_model, tf.TensorSpec((None,), tf.string, "request")),
        }
        if not description["explains"]:
            return

        def explain(frame: tf.Tensor, keypoints: tf.Tensor) -> dict[str, tf.Tensor]:
            outputs = outputs_of(frame, keypoints)
            restored = outputs["reconstruction"]
            change = tf.abs(restored - (tf.cast(frame, tf.float32) / 127.5 - 1.0)) / 2.0
            return {
                "probability": outputs["probability"],
                "log10_likelihood_ratio": outputs["log10_likelihood_ratio"],
                "reconstruction": restored,
                "artifact_map": tf.reduce_mean(change, axis=-1, keepdims=True),
            }

        batched_explain = _batched(
            tf.function(explain, input_signature=faces, autograph=False), batching, f"{model}/explain"
        )

        def explain_checked(frame: tf.Tensor, keypoints: tf.Tensor) -> dict[str, tf.Tensor]:
            return batched_explain(*checked({"frame": (frame, face), "keypoints": (keypoints, points)}))

        self.endpoints["explain"] = signature(explain_checked, *faces)


def checked(inputs: dict[str, tuple[tf.Tensor, tuple]]) -> list[tf.Tensor]:
    """The tensors of a request, computed only after all checks of the request have passed.

    A server compares names and dtypes with the signature, but not shapes, which the graph must check.

    Args:
        inputs: name -> (tensor, its shape, None for the batch); `keypoints` may be among them.

    Raises (when the graph runs):
        InvalidArgumentError: shapes are wrong, there is no row or there are too many, numbers of rows differ, or a key
            point is not in [0, 1]; the message names the input and the row.
    """
    # Without its static shape: optimizers trust it, although requests may differ, and would remove the checks.
    tensors = {name: tf.raw_ops.PlaceholderWithDefault(input=x, shape=None) for name, (x, _) in inputs.items()}
    checks = []
    for name, (_, wanted) in inputs.items():
        found = tf.shape(tensors[name])
        layout = "[" + " ".join(str(side) for side in wanted[1:]) + "]"
        # Compared as text, because a rank may differ as well.
        right = tf.logical_and(tf.equal(_text(found[1:]), layout), tf.equal(tf.size(found), len(wanted)))
        shape = "(" + ", ".join(["N", *(str(side) for side in wanted[1:])]) + ")"
        checks.append(refuse_unless(right, f"{name} must have shape {shape}; received", _text(found)))
    with tf.control_dependencies(checks):
        counts = {name: tf.shape(tensor)[0] for name, tensor in tensors.items()}
        first, count = next(iter(counts.items()))
        checks = [
            refuse_unless(
                tf.logical_and(count > 0, count <= MAX_FACES),
                f"{first} must have 1 to {MAX_FACES} rows; received",
                _text(count),
            ),
            refuse_unless(
                tf.reduce_all([tf.equal(other, count) for other in counts.values()]),
                f"{' and '.join(counts)} must have the same number of rows; received",
                _text(tf.stack(list(counts.values()))),
            ),
        ]
    with tf.control_dependencies(checks):
        checks = [_points_inside(tensors["keypoints"])] if "keypoints" in tensors else checks
    with tf.control_dependencies(checks):
        return [tf.ensure_shape(tf.identity(tensors[name]), shape) for name, (_, shape) in inputs.items()]


def _points_inside(points: tf.Tensor) -> tf.Operation:
    """Refuses key points outside of [0, 1], naming the first such row."""
    inside = tf.logical_and(points >= 0.0, points <= 1.0)  # NaN is neither
    good = tf.reduce_all(inside, axis=(1, 2))
    row = tf.argmin(tf.cast(good, tf.int32), output_type=tf.int32)
    return refuse_unless(
        tf.reduce_all(good),
        "keypoints must lie in [0, 1] of the crop (x, y of " + ", ".join(KEYPOINTS) + "); received in row",
        tf.strings.join([tf.strings.as_string(row), ": ", tf.strings.format("{}", points[row], summarize=-1)]),
    )


def refuse_unless(condition: tf.Tensor, message: str, received: tf.Tensor) -> tf.Operation:
    """An operation that refuses the request with INVALID_ARGUMENT and this message unless the condition holds."""
    return tf.raw_ops.Assert(condition=condition, data=[tf.strings.join([message, " ", received])], summarize=1)


def _text(values: tf.Tensor) -> tf.Tensor:
    return tf.strings.format("{}", values, summarize=-1)


def _batched(function: Callable, batching: Batching | None, name: str) -> Callable:
    """The function of (frame, keypoints), computed together for requests that wait at the same time."""
    if batching is None:
        return function
    # TensorFlow optimizes the graph of a called function (it folds normalizations into convolutions, for example), but
    # not the body of a batch function. So the body is one call, which must not be inlined.
    optimized = tf.function(
        function.python_function,
        input_signature=function.input_signature,
        autograph=False,
        experimental_attributes={"_noinline": True},
    )
    call = tf.function(lambda *inputs: optimized(*inputs), input_signature=function.input_signature, autograph=False)
    concrete = call.get_concrete_function()
    names = sorted(concrete.structured_outputs)

    def batched(*inputs: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = tf.raw_ops.BatchFunction(
            in_tensors=inputs,
            captured_tensors=concrete.captured_inputs,
            f=concrete,
            num_batch_threads=batching.threads,
            max_batch_size=MAX_FACES,
            batch_timeout_micros=batching.timeout_us,
            allowed_batch_sizes=list(range(1, batching.faces + 1)),  # every size, so that no batch is padded
            max_enqueued_batches=batching.waiting,
            enable_large_batch_splitting=True,
            shared_name=name,
            Tout=[concrete.structured_outputs[key].dtype for key in names],
        )
        results = dict(zip(names, outputs, strict=True))
        return {key: tf.ensure_shape(value, concrete.structured_outputs[key].shape) for key, value in results.items()}

    return batched
