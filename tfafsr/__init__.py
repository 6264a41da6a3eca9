"""Low-resolution facial manipulation detection (Han, Ji, Wang; VCIP 2020) as Keras objects.

After `import tfafsr`, `keras.models.load_model` loads a saved detector without custom objects. That takes the seconds
that TensorFlow takes. `python -m tfafsr` imports this package too, before it has read its arguments, and must answer
`--help` at once: then alone nothing is loaded here, and the command loads it when its arguments are right.
"""

from __future__ import annotations

import sys

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submodules=["augmentation", "calibration", "layers", "losses", "metrics", "presets"],
    submod_attrs={"detector": ["Detector"], "loading": ["ModelError", "load_detector"], "version": ["__version__"]},
)

# Python sets sys.argv[0] to "-m" while it imports the package that -m names, and to a path afterwards.
if getattr(sys, "argv", [])[:1] != ["-m"]:
    import tfafsr.keras_objects  # noqa: F401
