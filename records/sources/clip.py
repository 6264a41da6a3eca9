"""What each source returns: the clips it found, and the missing clips with their reasons."""

from __future__ import annotations

import dataclasses

from records.footage import Footage
from records.shards import SplitsOrigin

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
        name: name of the clip within its method, e.g. 000_003.
        footage: its frames.
        label: 1 = manipulated.
        subjects: every identity in the clip, the target first.
        twin: name of its pristine twin: the real clip that a fake was made from. A real clip is its own twin, and so is
            a fake whose twin is unknown.
        pristine: frames of the twin at the best quality in the data set; faces are found on them, and masks are the
            difference to them.
        best: frames of this clip at the best quality in the data set.
        quality: quality of `best`, e.g. raw, c23 or hq.
        target_known: whether `best` is good enough to supervise AFSR.
        mask_known: whether `best` and `pristine` have the same quality, so that they differ by the manipulation alone.
        notes: what the data set says about the clip.
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
    """A clip that cannot be built.

    Attributes:
        clip: id of the video.
        label: 1 = manipulated.
        reason: why it cannot be built, and what to do.
        split: the clip's split; empty if unknown.
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
        skips: the clips that are missing or cannot be used.
        layout: a phrase that says which layout of the data set it is.
        splits: where the splits come from.
        masks: video id of a manipulated clip at its best quality -> the data set's own mask, None if it is missing.
        odd: paths, relative to the folder, of files among the clips that are not clips.
        remarks: sentences that the user should read before building.
    """

    clips: list[Clip] = dataclasses.field(default_factory=list)
    skips: list[Skip] = dataclasses.field(default_factory=list)
    layout: str = ""
    splits: SplitsOrigin = dataclasses.field(default_factory=SplitsOrigin)
    masks: dict[str, Footage | None] = dataclasses.field(default_factory=dict)
    odd: list[str] = dataclasses.field(default_factory=list)
    remarks: list[str] = dataclasses.field(default_factory=list)
