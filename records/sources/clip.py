"""What every source hands to `build` and `check`: clips, and the reason for each that is missing."""

from __future__ import annotations

import dataclasses

from records.footage import Footage
from records.shards.entries import SplitsOrigin

REAL = "real"
SPLITS = ("train", "val", "test")


@dataclasses.dataclass(frozen=True)
class Clip:
    """One video at one compression.

    Attributes:
        dataset: e.g. ffpp.
        method: manipulation method; `real` for originals.
        compression: e.g. raw, c23 or c40.
        split: train, val or test.
        name: of the clip within its method, e.g. 000_003.
        footage: its frames.
        label: 1 = manipulated.
        subjects: every identity in the clip, the target first.
        twin: name of the real clip that this one was made from; of a real clip, and where there is none, its own name.
        pristine: the frames of that twin at the best quality at hand: faces are found there, masks compared with it.
        best: the frames of this clip at the best quality at hand.
        quality: of `best`, e.g. raw, c23 or hq.
        target_known: whether `best` is good enough to supervise AFSR.
        mask_known: whether `best` and `pristine` are of one quality, so that their difference is the manipulation.
        notes: what the data set itself says of the clip.
    """

    dataset: str
    method: str
    compression: str
    split: str
    name: str
    footage: Footage
    label: int
    subjects: tuple[str, ...]
    twin: str
    pristine: Footage
    best: Footage
    quality: str
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
        split: the clip's, where it is known.
    """

    clip: str
    label: int
    reason: str
    split: str = ""


@dataclasses.dataclass
class Found:
    """What a source found in a folder.

    Attributes:
        clips: in a fixed order.
        skips: for each clip that should be there and is not.
        layout: the variant recognised, in words.
        splits: where the splits are from.
        masks: video id of a manipulated clip at its best quality -> the data set's own mask; None where it is missing.
        odd: what lies beside the clips and is none of them, relative to the folder.
        remarks: whatever else a user should know before building.
    """

    clips: list[Clip] = dataclasses.field(default_factory=list)
    skips: list[Skip] = dataclasses.field(default_factory=list)
    layout: str = ""
    splits: SplitsOrigin = dataclasses.field(default_factory=SplitsOrigin)
    masks: dict[str, Footage | None] = dataclasses.field(default_factory=dict)
    odd: list[str] = dataclasses.field(default_factory=list)
    remarks: list[str] = dataclasses.field(default_factory=list)
