"""Low-resolution facial manipulation detection (Han, Ji, Wang; VCIP 2020) as Keras objects.

After `import tfafsr`, `keras.models.load_model` loads a saved detector without custom objects. That takes as long as
TensorFlow takes to load. `python -m tfafsr` imports this package before it reads its arguments, and must answer
`--help` at once: nothing is loaded then, and a command loads it when its arguments are right.
"""

from __future__ import annotations

import itertools
import sys

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["augmentation", "calibration", "layers", "losses", "metrics", "presets"],
    submod_attrs={
        "detector": ["Detector"],
        "loading": ["ModelError", "load_detector"],
        "version": ["__version__"],
    },
)


def _imported_by_python_m() -> bool:
    """Whether Python imports this package to run `python -m tfafsr`: sys.argv[0] is "-m" for so long, then a path."""
    return sys.argv[:1] == ["-m"] and ("-m", "tfafsr") in itertools.pairwise(sys.orig_argv)


if not _imported_by_python_m():
    import tfafsr.keras_objects  # noqa: F401
