"""What a manifest says of a clip, of a clip that is not in the records, of a shard and of the splits."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import BinaryIO

ENDS = 2**16  # bytes at each end of a shard, compared whenever it is opened


@dataclasses.dataclass(frozen=True)
class ClipEntry:
    """One clip of the records.

    Attributes:
        split: train, val or test.
        label: 1 = manipulated.
        method: manipulation method; `real` for originals.
        compression: e.g. c40.
        subjects: every identity in the clip, the target first.
        frames_scored: frames with a face, each an example.
        frames_without_face: the others.
        reasons: why a frame has no face -> number of such frames.
        notes: what the data set itself says of the clip.
        shortened: in words, where the clip and its twin differ in length; None where they do not.
        group: name of the group of clips with one pristine twin that it was built with.
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
        reason: why, and what to do about it.
        split: the clip's, where it is known.
        group: of the clips it would have been built with; empty where the source left it out.
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
        ends_sha256: of its first and last 64 KiB, compared whenever the shard is opened.
    """

    examples: int
    bytes: int
    sha256: str
    ends_sha256: str

    @classmethod
    def of(cls, path: Path, examples: int) -> ShardEntry:
        """The entry of the file at `path`, which holds `examples` records."""
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
    """Where the splits of a data set are from.

    Attributes:
        files: names of the files that name them; empty where all were drawn.
        seed: of the draw; None where nothing was drawn.
        drawn: subject -> split, of those that were drawn.
        drawn_for: the method whose splits were drawn where `files` name the others'; else empty.
    """

    files: str = ""
    seed: int | None = None
    drawn: dict[str, str] = dataclasses.field(default_factory=dict)
    drawn_for: str = ""

    def in_words(self) -> str:
        """Where the splits are from, without the list of subjects; empty where nothing is known."""
        counts = Counter(self.drawn.values())
        people = ", ".join(f"{counts[split]} in {split}" for split in ("train", "val", "test"))
        drawn = f"drawn with seed {self.seed}: {people} (subjects)" if self.drawn else ""
        if drawn and self.drawn_for:
            drawn = f"those of {self.drawn_for} {drawn}"
        return "; ".join(part for part in (self.files and f"from {self.files}", drawn) if part)
