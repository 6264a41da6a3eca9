"""Groups of clips with the same pristine twin. A group is built as a whole, because its faces are found on the twin."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from records.footage import Footage
from records.sources import Clip

NOT_IN_FILE_NAMES = re.compile(r"[^\w.-]", re.ASCII)
MAX_NAME = 64  # characters of the twin's name in the name of its group


@dataclasses.dataclass(frozen=True)
class ClipGroup:
    """All clips with the same pristine twin: the original and the fakes made from it, at every compression.

    Attributes:
        name: unique name that can be used as a file name.
        clips: at least one clip, in the source's order.
    """

    name: str
    clips: tuple[Clip, ...]

    @property
    def pristine(self) -> Footage:
        """The twin's footage: faces are found on it, and masks are the difference to it."""
        return self.clips[0].pristine


def group_clips(clips: Iterable[Clip]) -> list[ClipGroup]:
    """Groups the clips by split and pristine twin; groups are in the order of their first clips."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        name = NOT_IN_FILE_NAMES.sub("_", clip.twin)
        if name != clip.twin or len(name) > MAX_NAME:  # the hash keeps different twins apart
            name = f"{name[-MAX_NAME:]}-{hashlib.sha256(clip.twin.encode()).hexdigest()[:12]}"
        groups.setdefault(f"{clip.split}-{name}", []).append(clip)
    return [ClipGroup(name, tuple(members)) for name, members in groups.items()]


def versions(group: ClipGroup) -> list[list[Clip]]:
    """The clips of a group as lists, each holding one video at all its compressions."""
    found: dict[tuple, list[Clip]] = {}
    for clip in group.clips:
        found.setdefault((clip.method, clip.name, clip.best), []).append(clip)
    return list(found.values())


def fingerprints(groups: Sequence[ClipGroup]) -> dict[str, str]:
    """Name of each group -> a hash that changes with its clips, their metadata and the sizes of their files."""
    paths = {footage.path for group in groups for clip in group.clips for footage in _footages(clip)}
    sizes = {path: _size(path) for path in paths}
    return {group.name: _fingerprint(group, sizes) for group in groups}


def _fingerprint(group: ClipGroup, sizes: dict[Path, int]) -> str:
    def describe(footage: Footage) -> list:
        encoding = footage.encoding and dataclasses.astuple(footage.encoding)
        return [footage.path.name, sizes[footage.path], encoding, footage.sampled]

    description = [
        [clip.video, clip.split, clip.subjects, clip.quality, clip.target_known, clip.mask_known, clip.notes]
        + [describe(footage) for footage in _footages(clip)]
        for clip in group.clips
    ]
    return hashlib.sha256(json.dumps(description, sort_keys=True).encode()).hexdigest()


def _footages(clip: Clip) -> tuple[Footage, Footage, Footage]:
    return clip.footage, clip.best, clip.pristine


def _size(path: Path) -> int:
    """Size in bytes of a file, or of all files in a folder; -1 if it cannot be read."""
    try:
        if path.is_dir():
            return sum(entry.stat().st_size for entry in os.scandir(path))
        return path.stat().st_size if os.access(path, os.R_OK) else -1
    except OSError:
        return -1
