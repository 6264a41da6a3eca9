"""The version of tfafsr, read without importing it, which would load TensorFlow."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path


def version() -> str:
    """`tfafsr.__version__`."""
    package = importlib.util.find_spec("tfafsr")
    return runpy.run_path(str(Path(package.origin).with_name("version.py")))["__version__"]
