"""TensorFlow Serving's configuration files and warm-up requests, and requests of its prediction API."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import cv2
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from savedmodel_export.graph import DEFAULT_BATCHING
from savedmodel_export.images import IMAGE_BYTES

WARMUP_FILE = "tf_serving_warmup_requests"
WARMUP_FACES = (1, 8)
USUAL_POINTS = ((0.35, 0.42), (0.65, 0.42), (0.5, 0.57), (0.38, 0.73), (0.62, 0.73))


def predict_request(
    name: str, signature: str, inputs: dict[str, np.ndarray], version: int | None = None
) -> predict_pb2.PredictRequest:
    """A request to one signature; strings are object arrays of bytes, `version` None means the newest."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = name
    request.model_spec.signature_name = signature
    if version is not None:
        request.model_spec.version.value = version
    for key, value in inputs.items():
        request.inputs[key].CopyFrom(tf.make_tensor_proto(value))
    return request


def warmup_records(name: str, size: int, signatures: Collection[str]) -> Iterator[prediction_log_pb2.PredictionLog]:
    """Requests to every signature, with one face and with several.

    TensorFlow Serving runs them before a new version gets requests of clients, and rejects the version if one fails.

    Args:
        name: of the model.
        size: S, pixels.
        signatures: those of the model.
    """
    face = _face(size)
    encoded = {suffix: cv2.imencode(suffix, face[..., ::-1])[1].tobytes() for suffix in (".jpg", ".png")}
    for count in WARMUP_FACES:
        points = np.tile(np.float32(USUAL_POINTS), (count, 1, 1))
        faces = {"frame": np.tile(face, (count, 1, 1, 1)), "keypoints": points}
        images = np.array([list(encoded.values())[index % 2] for index in range(count)], object)
        for signature, inputs in (
            ("serving_default", faces),
            ("faces_jpeg", {IMAGE_BYTES: images, "keypoints": points}),
            ("explain", faces),
            ("describe", {"request": np.array([b""] * count, object)}),
        ):
            if signature in signatures:
                log = prediction_log_pb2.PredictionLog()
                log.predict_log.request.CopyFrom(predict_request(name, signature, inputs))
                yield log


def configuration(name: str) -> dict[str, str]:
    """File name -> text of the configuration files beside the version folders of a model called `name`."""
    batching = DEFAULT_BATCHING
    return {
        "models.config": f"""\
# For tensorflow_model_server --model_config_file; compose.yaml passes it.
model_config_list {{
  config {{
    name: "{name}"
    base_path: "/models/{name}"
    model_platform: "tensorflow"
    model_version_policy {{ latest {{ num_versions: 1 }} }}
  }}
}}
""",
        "batching.config": f"""\
# For tensorflow_model_server --enable_batching --batching_parameters_file.
# The model batches requests itself, after the checks of each request. The server's own batching comes before them: one
# bad face then fails all requests of its batch. Turn it on only where you control every client.
max_batch_size {{ value: {batching.faces} }}
batch_timeout_micros {{ value: {batching.timeout_us} }}
num_batch_threads {{ value: {batching.threads} }}
max_enqueued_batches {{ value: {batching.waiting} }}
""",
        "compose.yaml": f"""\
# docker compose up; gRPC on port 8500, REST on http://localhost:8501/v1/models/{name}
services:
  {name.lower().replace(".", "-")}:
    image: "tensorflow/serving:${{TF_SERVING_TAG:-latest}}"  # exported with TensorFlow {tf.__version__}
    command:
      - --model_config_file=/models/{name}/models.config
      - --rest_api_timeout_in_ms=30000
      # See batching.config before turning this on.
      # - --enable_batching
      # - --batching_parameters_file=/models/{name}/batching.config
    ports: ["8500:8500", "8501:8501"]
    volumes: [".:/models/{name}:ro"]
    restart: unless-stopped
""",
    }


def _face(size: int) -> np.ndarray:
    """A smooth oval with noise, uint8 (S, S, 3), as input of the warm-up."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:size, :size] / size - 0.5
    oval = np.exp(-4 * (x**2 / 0.16 + y**2 / 0.25))[..., None] * (90, 60, 40) + 80
    return np.clip(oval + rng.normal(0, 6, (size, size, 3)), 0, 255).astype(np.uint8)
