"""Checks of data sets and records: contents, leaks between splits, and cues that reveal the label."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__, submodules=["contact_sheet", "inspection", "leaks", "probe", "survey", "survey_tables"]
)
