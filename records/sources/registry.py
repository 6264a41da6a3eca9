"""The data sets that can be read, by name."""

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
    """What a folder holds, by the source that `options` name.

    Args:
        root: folder of the data set.
        options: of which those that were given must be parameters of that source's `find_clips`.

    Raises:
        DataError: an option that this source does not take, and whatever is wrong with the folder.
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
    except OSError as error:  # a folder; of a file that cannot be read the clip is left out, and the reason kept
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); change its permissions.") from error
