"""What every source hands to `build`: a clip, or the reason why one is missing."""

from __future__ import annotations

import dataclasses
from pathlib import Path

REAL = "real"


@dataclasses.dataclass(frozen=True)
class Clip:
    """One video at one compression.

    Attributes:
        dataset: e.g. ffpp.
        method: manipulation method; `real` for originals.
        compression: raw, c23 or c40.
        split: train, val or test.
        name: of the clip within its method, e.g. 000_003.
        path: of the video.
        label: 1 = manipulated.
        subjects: every identity in the clip, the target first.
        pristine: the real twin at the best quality at hand (for a real clip: itself at that quality).
        best: this clip at the best quality at hand.
        target_known: whether `best` is good enough to supervise AFSR (raw or c23).
        mask_known: whether `best` and `pristine` are of one quality, so that their difference is the manipulation.
        notes: what the data set itself says of the clip.
    """

    dataset: str
    method: str
    compression: str
    split: str
    name: str
    path: Path
    label: int
    subjects: tuple[str, ...]
    pristine: Path
    best: Path
    target_known: bool
    mask_known: bool
    notes: dict = dataclasses.field(default_factory=dict)

    @property
    def video(self) -> str:
        """The unique id, dataset/method/compression/clip."""
        return f"{self.dataset}/{self.method}/{self.compression}/{self.name}"


@dataclasses.dataclass(frozen=True)
class Skip:
    """Something that is not in the records.

    Attributes:
        clip: id of the video.
        label: 1 = manipulated.
        reason: why, and what to do about it.
    """

    clip: str
    label: int
    reason: str
