"""Low-resolution facial manipulation detection (Han, Ji, Wang; VCIP 2020) as Keras objects.

`import tfafsr` loads TensorFlow and registers every layer, so that `keras.models.load_model` loads a saved detector
without custom objects. The exception is `python -m tfafsr`, which must answer `--help` at once: there, a command loads
TensorFlow after its arguments have been checked.
"""

from __future__ import annotations

import itertools
import sys

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=[
        *(
            "augmentation",
            "baseline",
            "baselines",
            "bootstrap",
            "calibration",
            "degradation",
            "initialisation",
            "layers",
        ),
        *("losses", "metrics", "presets", "restoration", "self_blending", "weights"),
    ],
    submod_attrs={
        "classifier": ["SCORES", "SUPERVISION", "TEACHER", "Classifier"],
        "detector": ["Detector"],
        "loading": ["ModelError", "load_detector"],
        "version": ["__version__"],
        "weights": ["WeightsError"],
    },
)


def _imported_by_python_m() -> bool:
    """Whether Python imports this package to run `python -m tfafsr`; sys.argv[0] is "-m" only during that import."""
    return sys.argv[:1] == ["-m"] and ("-m", "tfafsr") in itertools.pairwise(sys.orig_argv)


if not _imported_by_python_m():
    import tfafsr.keras_objects  # noqa: F401
