"""Imports TensorFlow without its start-up messages, and registers the objects of a saved detector with Keras."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the layers use TensorFlow's operations


def _import_tensorflow_quietly() -> None:
    """Imports TensorFlow with stderr closed: it writes its first messages before it reads any log level.

    With TF_CPP_MIN_LOG_LEVEL set to less than 3 the messages are shown.
    """
    if "tensorflow" in sys.modules or os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "3":
        return
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        import tensorflow  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


_import_tensorflow_quietly()

from tfafsr import (  # noqa: E402
    augmentation,  # noqa: F401
    bootstrap,  # noqa: F401
    calibration,  # noqa: F401
    degradation,  # noqa: F401
    layers,  # noqa: F401
    losses,  # noqa: F401
    metrics,  # noqa: F401
    presets,  # noqa: F401
    restoration,  # noqa: F401
)
from tfafsr.baselines import NAMES, baseline  # noqa: E402
from tfafsr.detector import Detector  # noqa: E402, F401

for _name in NAMES:
    baseline(_name)  # its class and layers are registered
