"""Groups of clips with one pristine twin: what is built in one piece, since faces are found once for all of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

from records.footage import Footage
from records.sources.clip import Clip

UNSAFE = re.compile(r"[^\w.-]", re.ASCII)
MAX_NAME = 64  # characters of a twin's name within that of its group


@dataclasses.dataclass(frozen=True)
class ClipGroup:
    """All clips that share a pristine twin: the original and what was made from it, at every compression.

    Attributes:
        name: unique; a file can have it.
        clips: in the source's order; at least one.
    """

    name: str
    clips: tuple[Clip, ...]

    @property
    def pristine(self) -> Footage:
        """The twin's frames, on which faces are found and with which manipulated ones are compared."""
        return self.clips[0].pristine


def group_clips(clips: Iterable[Clip]) -> list[ClipGroup]:
    """The clips by split and pristine twin, in the order in which the twins come."""
    groups: dict[str, list[Clip]] = {}
    for clip in clips:
        name = UNSAFE.sub("_", clip.twin)
        if name != clip.twin or len(name) > MAX_NAME:  # two names must not become one
            name = f"{name[-MAX_NAME:]}-{hashlib.sha256(clip.twin.encode()).hexdigest()[:12]}"
        groups.setdefault(f"{clip.split}-{name}", []).append(clip)
    return [ClipGroup(name, tuple(members)) for name, members in groups.items()]


def versions(group: ClipGroup) -> list[list[Clip]]:
    """The clips of a group, those together that are one video at several compressions."""
    found: dict[tuple, list[Clip]] = {}
    for clip in group.clips:
        found.setdefault((clip.method, clip.name, clip.best), []).append(clip)
    return list(found.values())


def fingerprints(groups: Sequence[ClipGroup]) -> dict[str, str]:
    """Name of each group -> a hash that changes with its clips, the size of their files and what is known of them."""
    paths = {footage.path for group in groups for clip in group.clips for footage in _footages(clip)}
    sizes = {path: _size(path) for path in paths}
    return {group.name: _fingerprint(group, sizes) for group in groups}


def _fingerprint(group: ClipGroup, sizes: dict[Path, int]) -> str:
    def facts(footage: Footage) -> list:
        encoding = footage.encoding and dataclasses.astuple(footage.encoding)
        return [footage.path.name, sizes[footage.path], encoding, footage.sampled]

    described = [
        [clip.video, clip.split, clip.subjects, clip.quality, clip.target_known, clip.mask_known, clip.notes]
        + [facts(footage) for footage in _footages(clip)]
        for clip in group.clips
    ]
    return hashlib.sha256(json.dumps(described, sort_keys=True).encode()).hexdigest()


def _footages(clip: Clip) -> tuple[Footage, Footage, Footage]:
    return clip.footage, clip.best, clip.pristine


def _size(path: Path) -> int:
    """Bytes of a file, or of all files of a folder; -1 where it cannot be read."""
    try:
        if path.is_dir():
            return sum(entry.stat().st_size for entry in os.scandir(path))
        return path.stat().st_size if os.access(path, os.R_OK) else -1
    except OSError:
        return -1
