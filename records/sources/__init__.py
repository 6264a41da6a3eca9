"""Finds the clips in a data set's folder; each supported data set has its own module."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "clip": ["REAL", "SPLITS", "Clip", "Found", "Skip"],
        "ffpp_names": ["METHODS"],
        "options": ["SOURCES", "SourceOptions"],
        "registry": ["find"],
    },
)
