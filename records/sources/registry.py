"""Finds the clips of any supported data set, by the name of its source."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path

from records.errors import DataError
from records.sources import deepfaketimit, ffpp, folder
from records.sources.clip import Found
from records.sources.options import SourceOptions

FIND_CLIPS: dict[str, Callable[..., Found]] = {
    "ffpp": ffpp.find_clips,
    "deepfaketimit": deepfaketimit.find_clips,
    "folder": folder.find_clips,
}


def find(root: Path, options: SourceOptions) -> Found:
    """Finds the clips in a folder with the source that `options` names.

    Args:
        root: folder of the data set.
        options: those that were given must be parameters of that source's `find_clips`.

    Raises:
        DataError: the source does not take an option that was given, or its `find_clips` raised.
    """
    given = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if field.name != "source" and getattr(options, field.name) is not None
    }
    for name in given:
        takers = [
            source for source, find_clips in FIND_CLIPS.items() if name in inspect.signature(find_clips).parameters
        ]
        if options.source not in takers:
            raise DataError(
                f"--{name.replace('_', '-')} is for --source {' or '.join(takers)}; --source {options.source} does not "
                "take it."
            )
    try:
        return FIND_CLIPS[options.source](root, **given)
    except OSError as error:  # a folder cannot be read; an unreadable file only makes its clip a skip
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); change its permissions.") from error
