"""Methods of the literature to compare with; each is one file, whose name is that of the method."""

from __future__ import annotations

import importlib
import pkgutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tfafsr.baseline import Baseline

NAMES = tuple(sorted(module.name for module in pkgutil.iter_modules(__path__)))
"""The names of all baselines, without importing one."""


def baseline(name: str) -> type[Baseline]:
    """The class of a baseline; its docstring is the method's card.

    Raises:
        ValueError: an unknown name.
    """
    if name not in NAMES:
        raise ValueError(f"the method must be one of {', '.join(NAMES)}; received {name!r}.")
    return importlib.import_module(f"{__name__}.{name}").METHOD
