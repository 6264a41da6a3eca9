"""The options that name the kind of data set and choose which of its clips are read."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Literal, get_args

from records.sources.ffpp_names import METHODS

SourceName = Literal["ffpp", "deepfaketimit", "folder"]
SOURCES: tuple[str, ...] = get_args(SourceName)


@dataclasses.dataclass(frozen=True)
class SourceOptions:
    """The kind of data set and which of its clips are read; None means that an option was not given.

    Attributes:
        source: FaceForensics++, DeepfakeTIMIT with VidTIMIT, or a folder of the user's own.
        splits: ffpp: folder with train.json, val.json and test.json, or DeepfakeBench's JSON file.
        compressions: the compressions wanted, by the data set's names; a folder has one, with any name.
        methods: ffpp: the manipulation methods wanted.
        twins: deepfaketimit: folder of VidTIMIT.
        equalise: deepfaketimit: encode the originals with the codec and the bytes per frame of their fakes.
        classes: folder: names of the two folders, the real one first.
        csv: folder: table that names the files; it is read instead of the two folders.
        dataset: first part of the videos' ids.
        seed: seed of drawn splits.
        follow_links: accept links that lead out of the data set's folder.
    """

    source: SourceName = dataclasses.field(
        default="ffpp", metadata={"help": "FaceForensics++, DeepfakeTIMIT with VidTIMIT, or a folder of your own."}
    )
    splits: Path | None = dataclasses.field(
        default=None,
        metadata={
            "help": "ffpp: folder with train.json, val.json and test.json, or DeepfakeBench's JSON.  [default: in ROOT]"
        },
    )
    compressions: tuple[str, ...] | None = dataclasses.field(
        default=None,
        metadata={"help": "ffpp: raw c23 c40; deepfaketimit: lq hq; folder: one name.  [default: all]"},
    )
    methods: tuple[str, ...] | None = dataclasses.field(
        default=None,
        metadata={"help": "ffpp only.  [default: all in ROOT but DeepFakeDetection]", "choices": METHODS},
    )
    twins: Path | None = dataclasses.field(
        default=None, metadata={"help": "deepfaketimit: folder of VidTIMIT.  [default: in or beside ROOT]"}
    )
    equalise: bool | None = dataclasses.field(
        default=None,
        metadata={
            "help": "deepfaketimit: encode originals like the fakes; otherwise the codec tells the label.  "
            "[default: equalise]"
        },
    )
    classes: tuple[str, ...] | None = dataclasses.field(
        default=None, metadata={"help": "folder: names of the two folders, the real one first.  [default: real fake]"}
    )
    csv: Path | None = dataclasses.field(
        default=None,
        metadata={"help": "folder: table with path, label and, if known, method, subject, split, twin."},
    )
    dataset: str | None = dataclasses.field(
        default=None,
        metadata={"help": "First part of the videos' ids; builds used in one training need different ones."},
    )
    seed: int | None = dataclasses.field(default=None, metadata={"help": "Seed of drawn splits.  [default: 0]"})
    follow_links: bool = dataclasses.field(default=False, metadata={"help": "Accept links that lead out of ROOT."})
