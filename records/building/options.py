"""The options of a build."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """The options that decide the records' content.

    Attributes:
        size: side of the faces in pixels.
        frames_train, frames_eval: evenly spaced frames of each video, in the train split and in the other two.
        burst: neighbouring frames taken at each of these positions.
        keypoints_from: `twin` finds faces on the pristine twin, `self` on each clip itself.
        no_ela: `ela` is not stored; the reader computes the same bytes.
        target_once: `target` is not stored if it equals `frame`, as in clips of the best quality; the reader copies it.
    """

    size: int = dataclasses.field(default=225, metadata={"help": "Side of the faces in pixels.", "range": (64, 1024)})
    frames_train: int = dataclasses.field(
        default=200, metadata={"help": "Frames of each training video.", "range": (1, None)}
    )
    frames_eval: int = dataclasses.field(
        default=10, metadata={"help": "Frames of each val or test video.", "range": (1, None)}
    )
    burst: int = dataclasses.field(
        default=1, metadata={"help": "Neighbouring frames at each of these positions.", "range": (1, None)}
    )
    keypoints_from: Literal["twin", "self"] = dataclasses.field(
        default="twin", metadata={"help": "Find faces on the pristine twin, or on each frame itself."}
    )
    no_ela: bool = dataclasses.field(
        default=False, metadata={"help": "Do not store ELA; the reader computes the same bytes."}
    )
    target_once: bool = dataclasses.field(
        default=False, metadata={"help": "Do not store the target if it equals the frame."}
    )
