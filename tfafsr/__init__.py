"""Low-resolution facial manipulation detection (Han, Ji, Wang; VCIP 2020) as Keras objects.

After `import tfafsr`, `keras.models.load_model` loads a saved detector without custom objects.
"""

from __future__ import annotations

import os
import sys

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # the layers use TensorFlow's operations


def _import_tensorflow_quietly() -> None:
    """Imports TensorFlow without the start-up notes that it writes past Python, before any log level counts.

    With TF_CPP_MIN_LOG_LEVEL set to less than 3 they are shown.
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

from tfafsr import augmentation, calibration, layers, losses, metrics, presets  # noqa: E402
from tfafsr.detector import Detector  # noqa: E402
from tfafsr.loading import ModelError, load_detector  # noqa: E402
from tfafsr.version import __version__  # noqa: E402

__all__ = [
    "Detector",
    "ModelError",
    "__version__",
    "augmentation",
    "calibration",
    "layers",
    "load_detector",
    "losses",
    "metrics",
    "presets",
]
