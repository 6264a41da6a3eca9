"""The options of a build."""

from __future__ import annotations

import dataclasses
from typing import Literal


@dataclasses.dataclass(frozen=True)
class BuildOptions:
    """What decides the content of the records, next to the videos.

    Attributes:
        size: side of the faces in pixels.
        frames_train, frames_eval: frames a video, evenly spaced, in the training split and in the other two.
        burst: neighbouring frames taken at each of these places.
        keypoints_from: `twin`: box and key points of the pristine twin; `self`: of each frame itself.
        no_ela: `ela` is not stored; the reader computes it, to the same bytes.
        target_once: `target` is not stored where it is `frame`, as it is at the best quality; the reader repeats it.
    """

    size: int = dataclasses.field(default=225, metadata={"help": "Side of the faces in pixels.", "range": (64, 1024)})
    frames_train: int = dataclasses.field(
        default=200, metadata={"help": "Frames a training video.", "range": (1, None)}
    )
    frames_eval: int = dataclasses.field(
        default=10, metadata={"help": "Frames a val or test video.", "range": (1, None)}
    )
    burst: int = dataclasses.field(
        default=1, metadata={"help": "Neighbouring frames at each place.", "range": (1, None)}
    )
    keypoints_from: Literal["twin", "self"] = dataclasses.field(
        default="twin", metadata={"help": "Find faces on the pristine twin, or on each frame itself."}
    )
    no_ela: bool = dataclasses.field(
        default=False, metadata={"help": "Do not store ELA; the reader computes it, to the same bytes."}
    )
    target_once: bool = dataclasses.field(
        default=False, metadata={"help": "Do not store the target where it is the frame itself."}
    )
