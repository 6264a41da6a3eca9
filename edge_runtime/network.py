"""One .tflite network whose batch or image size may change from call to call."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from edge_runtime.errors import EdgeError


class Network:
    """An interpreter that is told of another shape only when there is one.

    Args:
        path: of the .tflite file.
        threads: that it may use.

    Raises:
        EdgeError: there is no such file, or it is no network.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise EdgeError(f"{path} does not exist; give the folder that `tfafsr export --format edge` wrote.")
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
            signature = next(iter(self._interpreter.get_signature_list().values()))
        except (ValueError, RuntimeError, StopIteration) as error:
            raise EdgeError(f"LiteRT cannot load {path} ({error}); export the bundle again.") from error
        self._runner = self._interpreter.get_signature_runner()
        self.inputs: list[str] = signature["inputs"]

    def __call__(self, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Runs the network on its named inputs; returns its named outputs."""
        return self._runner(**inputs)
