"""Attacks an exported SavedModel with bad requests, in a session as TensorFlow Serving runs them.

Valid requests run at the same time and afterwards, and must get the right answers.
"""

from __future__ import annotations

import concurrent.futures
from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from experiments.attacks.bad_requests import REQUEST_ATTACKS, Arrays, Request, encoded_faces
from experiments.attacks.child import Attack
from experiments.attacks.outcomes import HARMLESS, refusal
from experiments.attacks.untrained import noise_faces, untrained_detector
from savedmodel_export import export_saved_model

NAMES = ("frame", "keypoints", "image_bytes", "request", "faces")
FACES = 4
TOLERANCE = 1e-4  # of the answers; the order of sums depends on the size of the batch


class RequestsTarget:
    """Attacks a tiny exported detector; see `child.Target`."""

    seconds = 120.0
    memory = 640 * 2**20

    def __init__(self, workspace: Path, seed: int) -> None:
        self.seed = seed
        frames, points = noise_faces(FACES)
        self.faces = {"frame": frames, "keypoints": points}
        version = workspace / "tfafsr" / "1"
        if not version.exists():
            export_saved_model(untrained_detector(frames, points), version.parent)
        self.calls = _signatures(version)
        self.good = {
            "serving_default": self.faces,
            "explain": self.faces,
            "faces_jpeg": {"image_bytes": encoded_faces(frames), "keypoints": points},
        }
        self.expected = {name: self._run(name, inputs) for name, inputs in self.good.items()}

    def attack(self, number: int) -> Attack:
        """Makes a bad request; the kinds follow each other in the order of REQUEST_ATTACKS."""
        rng = np.random.default_rng((self.seed, number))
        request = REQUEST_ATTACKS[number % len(REQUEST_ATTACKS)](rng, self.faces)
        return f"{request.signature}: {request.what}", lambda: self._judge(request)

    def _judge(self, request: Request) -> tuple[str, str]:
        """Runs valid requests at the same time as the bad one, so that they may share a batch, and after it."""
        with concurrent.futures.ThreadPoolExecutor(1 + len(self.good)) as pool:
            bad = pool.submit(self._run, request.signature, request.inputs)
            beside = {name: pool.submit(self._run, name, inputs) for name, inputs in self.good.items()}
            try:
                result = self._answered(request, bad.result())
            except tf.errors.InvalidArgumentError as error:
                result = refusal(error.message, NAMES, internals=("Traceback", "site-packages"))
                if request.must == "be answered":
                    result = "silent", f"refused, but it must be answered: {error.message}"
            found = {f"{name} beside it": future.result() for name, future in beside.items()}
        found |= {f"{name} after it": self._run(name, inputs) for name, inputs in self.good.items()}
        for what, outputs in found.items():
            if changed := _differing(outputs, self.expected[what.partition(" ")[0]]):
                return "silent", f"a valid request of {what} gets another answer: {changed}"
        return result

    def _answered(self, request: Request, outputs: Arrays) -> tuple[str, str]:
        """Judges an answer to the request itself."""
        if request.must == "be refused":
            return "silent", f"answered {_short(outputs)}, but it must be refused"
        numbers = [value for value in outputs.values() if value.dtype.kind == "f"]
        probabilities = outputs.get("probability", np.zeros(1))
        if not all(np.isfinite(value).all() for value in numbers) or not np.all(np.abs(probabilities - 0.5) <= 0.5):
            return "silent", f"answered {_short(outputs)}"
        if request.like:
            signature, inputs, tolerance = request.like
            wanted = self._run(signature, inputs)["probability"]
            apart = np.abs(probabilities - wanted[np.arange(len(probabilities)) % len(wanted)]).max()
            if apart > tolerance:
                return "silent", f"probabilities {apart:g} from those of the plain request"
        return HARMLESS, ""

    def _run(self, signature: str, inputs: Arrays) -> Arrays:
        call, names, outputs = self.calls[signature]
        values = map(np.asarray, call(*(inputs[name] for name in names)))
        return dict(zip(outputs, values, strict=True))


def _signatures(folder: Path) -> dict[str, tuple]:
    """Signature -> (the function of its inputs, names of the inputs, names of the outputs), both sorted."""
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        loaded = tf.compat.v1.saved_model.loader.load(session, ["serve"], str(folder))
    calls = {}
    for name in ("serving_default", "explain", "faces_jpeg", "describe"):
        signature = loaded.signature_def[name]
        inputs, outputs = sorted(signature.inputs), sorted(signature.outputs)
        options = config_pb2.CallableOptions(
            feed=[signature.inputs[key].name for key in inputs], fetch=[signature.outputs[key].name for key in outputs]
        )
        # Session.run would compare shapes in Python first; TensorFlow Serving does not.
        calls[name] = session._make_callable_from_options(options), inputs, outputs
    return calls


def _differing(found: Arrays, expected: Arrays) -> str:
    names = [name for name, value in expected.items() if not _alike(found[name], value)]
    return ", ".join(names)


def _alike(found: np.ndarray, expected: np.ndarray) -> bool:
    return found.shape == expected.shape and np.allclose(found, expected, atol=TOLERANCE)


def _short(outputs: Arrays) -> str:
    return ", ".join(f"{name} {value.shape} {value.ravel()[:3].tolist()!r:.80}" for name, value in outputs.items())
