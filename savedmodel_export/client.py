"""gRPC and REST clients of a detector in TensorFlow Serving: arrays in, arrays out, errors in one line."""

from __future__ import annotations

import abc
import base64
import http.client
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import cv2
import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    prediction_service_pb2_grpc,
)

from faces import KEYPOINTS
from records.errors import DataError
from savedmodel_export.images import IMAGE_BYTES, MAX_BYTES
from savedmodel_export.serving import predict_request

FACES = 32  # in one request; more faces are sent in several requests, one after the other
MAX_MESSAGE = 512 * 2**20  # bytes of an answer; gRPC's default of 4 MB is less than 32 explained faces need
ATTEMPTS = 6  # while a server is busy or starts
PAUSE = 0.1  # seconds before the second attempt, doubled before each further one
HTTP_STATUS = {
    400: "INVALID_ARGUMENT",
    404: "NOT_FOUND",
    408: "DEADLINE_EXCEEDED",
    412: "FAILED_PRECONDITION",
    429: "RESOURCE_EXHAUSTED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}


class ServingError(RuntimeError):
    """A server refused a request or did not answer.

    Attributes:
        status: gRPC's name of the status, e.g. INVALID_ARGUMENT; the same for REST.
    """

    for_user = True

    def __init__(self, status: str, message: str, where: str) -> None:
        # TensorFlow wraps the message of a failed check in internals; only the check's own words are shown.
        found = re.search(r"assertion failed: \[(.*?)\](?:\n|\\n|$)", message, re.DOTALL)
        super().__init__(f"{where}: {status}: {found.group(1) if found else message.strip()}")
        self.status = status


class Client(abc.ABC):
    """Base class of both clients. Several threads may share a client; `with` or `close` closes it.

    Args:
        where: address of the server.
        model: name of the model.
        version: version of the model; None means the newest.
        timeout: seconds for one request.
    """

    def __init__(self, where: str, model: str, version: int | None, timeout: float) -> None:
        self.where, self.model, self.version, self.timeout = where, model, version, timeout

    def detect(self, frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        """Scores faces.

        Args:
            frames: uint8 (N, S, S, 3) RGB, square crops of the model's size.
            keypoints: (N, 5, 2), x and y in [0, 1] of the crop.

        Returns:
            {"probability": calibrated at even odds, in [0, 1]; "log10_likelihood_ratio"; "logit"}, all float32 (N,)

        Raises:
            DataError: an array has another dtype, shape or range.
            ServingError: the server refused, or does not answer.
        """
        outputs = self._in_parts("serving_default", {"frame": checked_frames(frames)}, keypoints)
        return {name: value[:, 0] for name, value in outputs.items()}

    def detect_encoded(self, images: Sequence[bytes], keypoints: np.ndarray) -> dict[str, np.ndarray]:
        """As `detect`, from JPEG or PNG files of square crops of any size."""
        for index, image in enumerate(images):
            if not isinstance(image, bytes) or not 0 < len(image) <= MAX_BYTES:
                raise DataError(f"images[{index}] must be the 1 to {MAX_BYTES} bytes of a JPEG or PNG file.")
        array = np.empty(len(images), object)
        array[:] = images
        outputs = self._in_parts("faces_jpeg", {IMAGE_BYTES: array}, keypoints)
        return {name: value[:, 0] for name, value in outputs.items()}

    def explain(self, frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        """As `detect`, with AFSR's reconstruction and the artifact map of each face.

        Returns:
            {"probability", "log10_likelihood_ratio": float32 (N,); "reconstruction": float32 (N, S, S, 3) in [-1, 1];
            "artifact_map": float32 (N, S, S, 1) in [0, 1]}
        """
        outputs = self._in_parts("explain", {"frame": checked_frames(frames)}, keypoints)
        return {**outputs, **{name: outputs[name][:, 0] for name in ("probability", "log10_likelihood_ratio")}}

    def describe(self) -> dict[str, object]:
        """The model's own description, see `savedmodel_export.model.describe`."""
        outputs = self.predict("describe", {"request": np.array([b""], object)})
        return json.loads(outputs["description"][0])

    @abc.abstractmethod
    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Sends one request without checking it; raises `ServingError`. Strings are object arrays of bytes."""

    @abc.abstractmethod
    def versions(self) -> list[int]:
        """The versions that answer requests, the newest last; raises `ServingError`."""

    @abc.abstractmethod
    def close(self) -> None:
        """Closes the connection, if there is one."""

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception) -> None:
        self.close()

    def _in_parts(self, signature: str, inputs: dict[str, np.ndarray], keypoints: np.ndarray) -> dict[str, np.ndarray]:
        count = len(next(iter(inputs.values())))
        inputs = {**inputs, "keypoints": checked_keypoints(keypoints, count)}
        parts = [
            self.predict(signature, {name: value[start : start + FACES] for name, value in inputs.items()})
            for start in range(0, count, FACES)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _with_retries(self, attempt):
        """Calls `attempt` again while the server is busy or still starts."""
        for number in range(ATTEMPTS):
            try:
                return attempt()
            except ServingError as error:
                if error.status != "UNAVAILABLE" or number == ATTEMPTS - 1:
                    raise
                time.sleep(PAUSE * 2**number)


class GrpcClient(Client):
    """Client by gRPC, faster than REST. `address` is host:port; TensorFlow Serving's port for gRPC is 8500."""

    def __init__(self, address: str, model: str = "tfafsr", version: int | None = None, timeout: float = 30.0) -> None:
        super().__init__(address, model, version, timeout)
        limits = [("grpc.max_receive_message_length", MAX_MESSAGE), ("grpc.max_send_message_length", MAX_MESSAGE)]
        self._channel = grpc.insecure_channel(address, options=limits)
        self._prediction = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """One request; see `Client`."""
        response = self._call(self._prediction.Predict, predict_request(self.model, signature, inputs, self.version))
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def versions(self) -> list[int]:
        """See `Client`."""
        request = get_model_status_pb2.GetModelStatusRequest()
        request.model_spec.name = self.model
        status = get_model_status_pb2.ModelVersionStatus
        states = self._call(self._models.GetModelStatus, request).model_version_status
        return sorted(state.version for state in states if state.state == status.AVAILABLE)

    def close(self) -> None:
        """Closes the channel."""
        self._channel.close()

    def _call(self, method, request):
        def attempt():
            try:
                return method(request, timeout=self.timeout)
            except grpc.RpcError as error:
                raise ServingError(error.code().name, error.details() or "no details", self.where) from error

        return self._with_retries(attempt)


class RestClient(Client):
    """Client by REST, for networks that let only HTTP pass. `url` is e.g. http://localhost:8501, the default port.

    `detect` sends its faces as PNG to `faces_jpeg`: the request is much smaller and the answer the same.
    """

    def __init__(self, url: str, model: str = "tfafsr", version: int | None = None, timeout: float = 30.0) -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise DataError(f"{url!r} is not an HTTP address; give one such as http://localhost:8501.")
        super().__init__(url.rstrip("/"), model, version, timeout)
        self._path = f"{self.where}/v1/models/{urllib.parse.quote(model, safe='')}"

    def detect(self, frames: np.ndarray, keypoints: np.ndarray) -> dict[str, np.ndarray]:
        """Scores faces; see `Client`."""
        frames = checked_frames(frames)
        checked_keypoints(keypoints, len(frames))
        return self.detect_encoded([cv2.imencode(".png", face[..., ::-1])[1].tobytes() for face in frames], keypoints)

    def predict(self, signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """One request; see `Client`. Numbers come back as float32 or int64, strings as bytes."""
        body = {"signature_name": signature, "inputs": {name: _jsonable(value) for name, value in inputs.items()}}
        version = "" if self.version is None else f"/versions/{self.version}"
        outputs = self._call(f"{self._path}{version}:predict", json.dumps(body).encode()).get("outputs")
        if not isinstance(outputs, dict):
            raise ServingError("INTERNAL", "the answer holds no outputs; is this TensorFlow Serving?", self.where)
        return {name: _array(value) for name, value in outputs.items()}

    def versions(self) -> list[int]:
        """See `Client`."""
        states = self._call(self._path).get("model_version_status", [])
        return sorted(int(state["version"]) for state in states if state["state"] == "AVAILABLE")

    def close(self) -> None:
        """Does nothing: every request opens and closes its own connection."""

    def _call(self, url: str, body: bytes | None = None) -> dict:
        def attempt():
            request = urllib.request.Request(url, body, {"Content-Type": "application/json"})
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    return self._parsed(response.read(MAX_MESSAGE))
            except urllib.error.HTTPError as error:
                with error:
                    text = error.read(2**16).decode(errors="replace")
                status = HTTP_STATUS.get(error.code, f"HTTP {error.code}")
                raise ServingError(status, _error_text(text), self.where) from error
            except TimeoutError as error:
                raise ServingError("DEADLINE_EXCEEDED", f"no answer in {self.timeout:g} s", self.where) from error
            except (OSError, http.client.HTTPException) as error:
                raise ServingError("UNAVAILABLE", str(error), self.where) from error

        return self._with_retries(attempt)

    def _parsed(self, data: bytes) -> dict:
        try:
            answer = json.loads(data)
        except ValueError as error:
            raise ServingError("INTERNAL", f"the answer is not JSON ({error})", self.where) from error
        return answer if isinstance(answer, dict) else {}


def checked_frames(frames: np.ndarray) -> np.ndarray:
    """The faces as an array; raises `DataError` unless they are uint8 (N, S, S, 3) with N > 0."""
    frames = np.asarray(frames)
    square = frames.ndim == 4 and frames.shape[1] == frames.shape[2] and frames.shape[3] == 3
    if frames.dtype != np.uint8 or not square or not len(frames):
        raise DataError(f"frames must be uint8 (N, S, S, 3), N > 0; received {frames.dtype} {frames.shape}.")
    return frames


def checked_keypoints(keypoints: np.ndarray, count: int) -> np.ndarray:
    """The key points as float32; raises `DataError`, which names the row, unless they are (count, 5, 2) in [0, 1]."""
    keypoints = np.asarray(keypoints, np.float32)
    if not count or keypoints.shape != (count, len(KEYPOINTS), 2):
        raise DataError(
            f"{count} faces need key points of shape ({count}, {len(KEYPOINTS)}, 2), and there must be at least one "
            f"face; received {keypoints.shape}."
        )
    rows = np.flatnonzero(~((keypoints >= 0) & (keypoints <= 1)).all(axis=(1, 2)))  # True for NaN, too
    if rows.size:
        raise DataError(f"keypoints[{rows[0]}] must lie in [0, 1] of the crop; received {keypoints[rows[0]].tolist()}.")
    return keypoints


def _error_text(text: str) -> str:
    """The message in an error's body: TensorFlow Serving sends {"error": message}, a proxy before it any text."""
    try:
        return str(json.loads(text)["error"])
    except (ValueError, TypeError, KeyError):
        return text


def _jsonable(value: np.ndarray) -> list:
    if value.dtype == object:
        return [{"b64": base64.b64encode(data).decode()} for data in value]
    return value.tolist()


def _array(value: object) -> np.ndarray:
    array = np.asarray(value)
    if array.dtype.kind == "f":
        return array.astype(np.float32)
    if array.dtype.kind in "US":
        return np.vectorize(str.encode, otypes=[object])(array)
    return array
