"""The options of forging, without the libraries that forging needs: commands are made from them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from records.errors import DataError

RENDERED = "rendered"
RENDERED_IDENTITIES = 120  # of rendered faces, where no number is given
CRF = {"raw": 0, "c23": 23, "c40": 40}  # x264's constant rate factor of each compression
V3 = "v3"
LAYOUTS = {
    V3: "FaceForensics++ as its download script v3 lays it out",
    "c0": "the same with c0 for raw, as older copies have it",
    "no-youtube": "the same with the originals right in original_sequences/",
    "images": "the same with folders of pictures for videos and masks",
    "faceshifter": "the same with one more method, FaceShifter, without masks",
    "actors": "the actors' videos and DeepFakeDetection, without splits",
    "deepfakebench": "frames as DeepfakeBench extracts them, and its JSON",
    "deepfaketimit": "DeepfakeTIMIT at two qualities, and VidTIMIT's pictures",
    "folder": "real/ and fake/METHOD/, and labels.csv",
}
"""Name -> what it is, for --help."""


@dataclasses.dataclass(frozen=True)
class ForgeOptions:
    """What decides the content of a forged data set.

    Attributes:
        faces: `rendered`, or the path of a folder of photographs.
        identities: number of people, even; None: 120 rendered ones, or everybody in the photographs.
        frames: of each clip.
        size: side of the frames in pixels, even.
        seed: of everything random.
        compressions: some of raw, c23, c40, in any order.
        layout: a key of `LAYOUTS`.

    Raises:
        DataError: a value is out of its range; the message names the option of the command line.
    """

    faces: str = dataclasses.field(
        metadata={
            "help": "Draw people, or take them from a folder of photographs.",
            "metavar": f"{RENDERED}|FOLDER",
        }
    )
    identities: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": f"How many people, even.  [default: {RENDERED_IDENTITIES} rendered, or every usable photograph]",
            "range": (6, 10_000),
        },
    )
    frames: int = dataclasses.field(default=8, metadata={"help": "Frames of each clip.", "range": (1, 1000)})
    size: int = dataclasses.field(
        default=208, metadata={"help": "Side of the frames in pixels; even.", "range": (96, 1024)}
    )
    seed: int = dataclasses.field(default=0, metadata={"help": "The same seed gives the same bytes."})
    compressions: tuple[str, ...] = dataclasses.field(
        default=tuple(CRF), metadata={"help": "Which videos to encode.", "choices": tuple(CRF)}
    )
    layout: str = dataclasses.field(
        default=V3, metadata={"help": "Of the folders, see above.", "choices": tuple(LAYOUTS)}
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(f"--{field.name}", getattr(self, field.name), field.metadata)
        if self.size % 2:
            raise DataError(f"--size is {self.size}, an even number is wanted: H.264 in yuv420p needs even sides.")
        if self.identities is not None and self.identities % 2:
            raise DataError(f"--identities is {self.identities}, an even number is wanted: identities go in pairs.")

    @property
    def photographs(self) -> Path | None:
        """The folder of photographs; None for rendered faces."""
        return None if self.faces == RENDERED else Path(self.faces)


def _check(option: str, value: object, metadata: dict) -> None:
    """Raises `DataError` where `value` is not what the field's metadata allow."""
    if value is None:
        return
    if "range" in metadata:
        least, most = metadata["range"]
        if not least <= value <= most:
            raise DataError(f"{option} is {value}, a number from {least} to {most} is wanted.")
    if "choices" in metadata:
        values = value if isinstance(value, tuple) else (value,)
        unknown = [one for one in values if one not in metadata["choices"]]
        if unknown or not values:
            said = ", ".join(map(str, unknown)) or "empty"
            raise DataError(f"{option} is {said}; choose from {', '.join(metadata['choices'])}.")
