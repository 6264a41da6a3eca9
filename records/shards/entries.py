"""The manifest's entries: built clips, skipped clips, shards, and the origin of the splits."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO

ENDS = 2**16  # bytes at each end of a shard that are compared when it is opened


@dataclasses.dataclass(frozen=True)
class ClipEntry:
    """One clip of the records.

    Attributes:
        split: train, val or test.
        label: 1 = manipulated.
        method: manipulation method; `real` for originals.
        compression: e.g. c40.
        subjects: every identity in the clip, the target first.
        frames_scored: number of frames with a face; each is an example.
        frames_without_face: number of wanted frames without a face.
        reasons: why a frame has no face -> number of such frames.
        notes: what the data set says about the clip.
        shortened: a sentence if the clip and its pristine twin differ in length, else None.
        group: name of its group: the clips with the same pristine twin.
    """

    split: str
    label: int
    method: str
    compression: str
    subjects: tuple[str, ...]
    frames_scored: int
    frames_without_face: int = 0
    reasons: dict[str, int] = dataclasses.field(default_factory=dict)
    notes: dict = dataclasses.field(default_factory=dict)
    shortened: str | None = None
    group: str = ""


@dataclasses.dataclass(frozen=True)
class SkipEntry:
    """A clip that is not in the records.

    Attributes:
        clip: id of the video.
        label: 1 = manipulated.
        reason: why it is not, and what to do.
        split: the clip's split; empty if unknown.
        group: name of the clip's group; empty if the source skipped the clip before groups were made.
    """

    clip: str
    label: int
    reason: str
    split: str = ""
    group: str = ""


@dataclasses.dataclass(frozen=True)
class ShardEntry:
    """One TFRecord file of the records.

    Attributes:
        examples: number of records in it.
        bytes: size of the file.
        sha256: of its content, in hexadecimal.
        ends_sha256: of its first and last 64 KiB; it is compared when the shard is opened.
    """

    examples: int
    bytes: int
    sha256: str
    ends_sha256: str

    @classmethod
    def of(cls, path: Path, examples: int) -> ShardEntry:
        """The entry of the file at `path` with `examples` records."""
        with path.open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            return cls(examples, file.tell(), sha256, ends_sha256(file))


def ends_sha256(file: BinaryIO) -> str:
    """SHA-256 of the first and last ENDS bytes of an open file, in hexadecimal."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    digest = hashlib.sha256(file.read(ENDS))
    file.seek(max(file.tell(), size - ENDS))
    digest.update(file.read(ENDS))
    return digest.hexdigest()


@dataclasses.dataclass(frozen=True)
class SplitsOrigin:
    """Where the splits of a data set come from: from files, or drawn at random.

    Attributes:
        files: names of the files that list the splits; empty if all splits were drawn.
        seed: seed of the random draw; None if nothing was drawn.
        drawn: subject -> split, for each subject whose split was drawn.
        drawn_for: the only method whose splits were drawn; empty if `files` lists none or all.
    """

    files: str = ""
    seed: int | None = None
    drawn: dict[str, str] = dataclasses.field(default_factory=dict)
    drawn_for: str = ""

    def in_words(self) -> str:
        """A phrase that says where the splits come from, without the list of subjects; empty if unknown."""
        counts = Counter(self.drawn.values())
        people = ", ".join(f"{counts[split]} in {split}" for split in ("train", "val", "test"))
        drawn = f"drawn with seed {self.seed}: {people} (subjects)" if self.drawn else ""
        if drawn and self.drawn_for:
            drawn = f"those of {self.drawn_for} {drawn}"
        return "; ".join(part for part in (self.files and f"from {self.files}", drawn) if part)
