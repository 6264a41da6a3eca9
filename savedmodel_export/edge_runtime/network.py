"""Runs networks in .tflite files, whose batch and image size may change from call to call; MTCNN is three of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from faces import FaceDetector, Networks

from .errors import EdgeError


class Network:
    """A network in a .tflite file, called with named inputs of any batch size.

    Args:
        path: the .tflite file.
        threads: threads that it may use.

    Raises:
        EdgeError: there is no such file, or it holds no network.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise EdgeError(f"{path} does not exist; give what `tfafsr export --format edge` wrote.")
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            signature = next(iter(self._interpreter.get_signature_list().values()))
        except (ValueError, RuntimeError, StopIteration) as error:
            raise EdgeError(f"LiteRT cannot load {path} ({error}); export it again.") from error
        self._runner = self._interpreter.get_signature_runner()
        self.inputs: list[str] = signature["inputs"]
        self.outputs: list[str] = signature["outputs"]

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Runs the network on its named inputs; returns its named outputs."""
        return self._runner(**inputs)


def load_face_detector(folder: Path, threads: int = 1) -> FaceDetector:
    """MTCNN with the networks of a bundle.

    Args:
        folder: the folder of pnet.tflite, rnet.tflite and onet.tflite.
        threads: threads that each network may use.

    Raises:
        EdgeError: a network is missing or damaged.
    """
    pnet, rnet, onet = (Network(folder / f"{name}.tflite", threads) for name in ("pnet", "rnet", "onet"))

    def outputs(network: Network, *names: str):
        (given,) = network.inputs

        def call(images: np.ndarray) -> tuple[np.ndarray, ...]:
            found = network(**{given: images})
            return tuple(found[name] for name in names)

        return call

    return FaceDetector(
        Networks(
            outputs(pnet, "box", "confidence"),
            outputs(rnet, "box", "confidence"),
            outputs(onet, "box", "points", "confidence"),
        )
    )
