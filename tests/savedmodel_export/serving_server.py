"""A stand-in for tensorflow_model_server: its gRPC protos and its REST JSON over the folder that was exported.

The newest version is loaded into one session, as TensorFlow Serving does; the graph alone judges what a request holds.
Run as a program it serves until it is terminated:
    python -m tests.savedmodel_export.serving_server FOLDER GRPC_PORT REST_PORT
"""

import base64
import json
import sys
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from savedmodel_export.saved_model import find_version

THREADS = 8
MOST_WAITING = 64  # requests beyond them are answered with RESOURCE_EXHAUSTED
MAX_BODY = 64 * 2**20
CODES = {code.value[0]: code for code in grpc.StatusCode}
HTTP = {
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.FAILED_PRECONDITION: 412,
    grpc.StatusCode.UNAVAILABLE: 503,
}


class Refused(Exception):
    """A request that gets a status instead of an answer."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


class Servable:
    """One version of a model in a session."""

    def __init__(self, out):
        folder = find_version(out)
        self.name, self.version = out.name, int(folder.name)
        self.session = tf.compat.v1.Session(graph=tf.Graph())
        with self.session.graph.as_default():
            meta_graph = tf.compat.v1.saved_model.loader.load(self.session, ["serve"], str(folder))
        self.signatures = {
            name: signature
            for name, signature in meta_graph.signature_def.items()
            if signature.method_name == "tensorflow/serving/predict"
        }
        self.calls = {}
        for name, signature in self.signatures.items():
            options = config_pb2.CallableOptions(
                feed=[signature.inputs[key].name for key in sorted(signature.inputs)],
                fetch=[signature.outputs[key].name for key in sorted(signature.outputs)],
            )
            # Session.run and make_callable compare shapes in Python first, which TensorFlow Serving does not.
            self.calls[name] = self.session._make_callable_from_options(options)

    def signature(self, model, version, name):
        """The signature (its name, its definition) that a request asks for."""
        if model != self.name or version not in (None, self.version):
            raise Refused(grpc.StatusCode.NOT_FOUND, f"Servable not found for request: {model} {version or 'Latest'}")
        name = name or "serving_default"
        if name not in self.signatures:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f'Serving signature key "{name}" not found.')
        return name, self.signatures[name]

    def run(self, name, inputs):
        """Input name -> array, to output name -> array."""
        wanted = self.signatures[name].inputs
        if set(inputs) != set(wanted):
            message = f"Sent: {sorted(inputs)}. Needed: {sorted(wanted)}."
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"input size does not match signature. {message}")
        for key, value in inputs.items():
            dtype = tf.dtypes.as_dtype(wanted[key].dtype)
            if value.dtype != dtype.as_numpy_dtype:
                message = f"{key} is expected to be {dtype.name}, but {value.dtype} is provided"
                raise Refused(grpc.StatusCode.INVALID_ARGUMENT, message)
        try:
            values = self.calls[name](*(inputs[key] for key in sorted(wanted)))
            return dict(zip(sorted(self.signatures[name].outputs), values, strict=True))
        except tf.errors.OpError as error:
            raise Refused(CODES[error.error_code], error.message) from error


class Grpc(prediction_service_pb2_grpc.PredictionServiceServicer, model_service_pb2_grpc.ModelServiceServicer):
    """gRPC's two services."""

    def __init__(self, servable):
        self.servable = servable

    def Predict(self, request, context):  # the protocol's name
        """PredictRequest -> PredictResponse."""
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        try:
            name, _ = self.servable.signature(spec.name, version, spec.signature_name)
            outputs = self.servable.run(name, {key: _decoded(key, value) for key, value in request.inputs.items()})
        except Refused as error:
            context.abort(error.code, str(error))
        response = predict_pb2.PredictResponse()
        response.model_spec.CopyFrom(spec)
        response.model_spec.version.value = self.servable.version
        for key, value in outputs.items():
            response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
        return response

    def GetModelStatus(self, request, context):  # the protocol's name
        """GetModelStatusRequest -> GetModelStatusResponse."""
        if request.model_spec.name != self.servable.name:
            context.abort(grpc.StatusCode.NOT_FOUND, f"Could not find any versions of model {request.model_spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        state = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        response.model_version_status.add(version=self.servable.version, state=state)
        return response


class Rest(BaseHTTPRequestHandler):
    """TensorFlow Serving's REST: /v1/models/NAME[/versions/NUMBER][:predict]."""

    servable = None
    timeout = 30

    def do_GET(self):  # the base class's name
        """The model's versions and their states."""
        if self.path != f"/v1/models/{self.servable.name}":
            return self._answer(404, {"error": f"Could not find any versions of model at {self.path}"})
        status = {"error_code": "OK", "error_message": ""}
        version = {"version": str(self.servable.version), "state": "AVAILABLE", "status": status}
        return self._answer(200, {"model_version_status": [version]})

    def do_POST(self):  # the base class's name
        """A prediction, by rows (`instances`) or by columns (`inputs`)."""
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_BODY:
            self.close_connection = True
            return self._answer(413, {"error": f"at most {MAX_BODY} bytes are read"})
        try:
            return self._answer(200, self._predict(self.rfile.read(length)))
        except Refused as error:
            return self._answer(HTTP.get(error.code, 500), {"error": str(error)})

    def _predict(self, data):
        path, _, method = self.path.rpartition(":")
        parts = path.split("/")
        version = int(parts[5]) if len(parts) == 6 and parts[4] == "versions" and parts[5].isdecimal() else None
        if method != "predict" or parts[:3] != ["", "v1", "models"] or len(parts) not in (4, 6):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"Malformed request: POST {self.path}")
        try:
            body = json.loads(data)
        except ValueError as error:
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"JSON Parse error: {error}") from error
        if not isinstance(body, dict) or ("instances" in body) == ("inputs" in body):
            raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "JSON must hold either 'instances' or 'inputs'")
        name, signature = self.servable.signature(parts[3], version, body.get("signature_name"))
        columns = body["inputs"] if "inputs" in body else _columns(body["instances"], signature)
        if not isinstance(columns, dict):
            columns = {next(iter(signature.inputs)): columns}
        inputs = {key: _parsed(key, value, signature) for key, value in columns.items()}
        outputs = {key: _jsonable(value) for key, value in self.servable.run(name, inputs).items()}
        if "inputs" in body:
            return {"outputs": outputs}
        return {"predictions": [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]}

    def _answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format, *args):
        """Says nothing."""


def _decoded(key, proto):
    try:
        return tf.make_ndarray(proto)
    except (TypeError, ValueError) as error:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"tensor {key} cannot be parsed: {error}") from error


def _columns(rows, signature):
    """Rows of a request as columns."""
    if not isinstance(rows, list) or not rows:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "'instances' must be a list that is not empty")
    if not isinstance(rows[0], dict) or set(rows[0]) == {"b64"}:
        return {next(iter(signature.inputs)): rows}
    if any(not isinstance(row, dict) or set(row) != set(rows[0]) for row in rows):
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, "all 'instances' must have the same keys")
    return {key: [row[key] for row in rows] for key in rows[0]}


def _parsed(key, value, signature):
    """JSON -> an array of the signature's dtype."""
    if key not in signature.inputs:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"no input is called {key}")
    dtype = tf.dtypes.as_dtype(signature.inputs[key].dtype).as_numpy_dtype
    try:
        if dtype is object:
            array = np.empty(len(value), object)
            array[:] = [base64.b64decode(item["b64"]) if isinstance(item, dict) else item.encode() for item in value]
            return array
        array = np.array(value)
        if np.issubdtype(dtype, np.integer) and array.size and array.dtype.kind != "i":
            raise ValueError(f"integers are needed; received {array.dtype}")
        if np.issubdtype(dtype, np.integer) and array.size and not (array.min() >= 0 and array.max() <= 255):
            raise ValueError("a value is outside of uint8")
        return array.astype(dtype)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise Refused(grpc.StatusCode.INVALID_ARGUMENT, f"input {key} cannot be read: {error}") from error


def _jsonable(array):
    return [value.decode() for value in array.ravel()] if array.dtype == object and array.ndim == 1 else _nested(array)


def _nested(array):
    return [[value.decode() for value in row] for row in array] if array.dtype == object else array.tolist()


def serve(out, grpc_port, rest_port):
    """Serves at both ports of this machine, and does not return."""
    servable = Servable(out)
    limits = [("grpc.max_receive_message_length", MAX_BODY), ("grpc.max_send_message_length", -1)]
    pool = futures.ThreadPoolExecutor(THREADS)
    server = grpc.server(pool, options=limits, maximum_concurrent_rpcs=MOST_WAITING)
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(Grpc(servable), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(Grpc(servable), server)
    server.add_insecure_port(f"localhost:{grpc_port}")
    server.start()
    handler = type("Bound", (Rest,), {"servable": servable})
    ThreadingHTTPServer(("localhost", rest_port), handler).serve_forever()


if __name__ == "__main__":
    serve(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
