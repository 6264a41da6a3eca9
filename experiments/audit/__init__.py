"""Judging data: what is in it, what it leaks between splits, and what betrays its labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["inspection", "leaks", "probe", "survey", "survey_tables"]
)
