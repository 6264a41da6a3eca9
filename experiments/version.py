"""The package tfafsr and its version, found without importing it, which would load TensorFlow."""

from __future__ import annotations

import importlib.util
import runpy
from pathlib import Path


def package() -> Path:
    """The folder of the package."""
    return Path(importlib.util.find_spec("tfafsr").origin).parent


def version() -> str:
    """`tfafsr.__version__`."""
    return runpy.run_path(str(package() / "version.py"))["__version__"]
