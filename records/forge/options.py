"""The options of `tfafsr forge`; this module imports no large library, so that `--help` is fast."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from records.errors import DataError

RENDERED = "rendered"
RENDERED_IDENTITIES = 120  # default number of rendered people
CRF = {"raw": 0, "c23": 23, "c28": 28, "c34": 34, "c40": 40, "c46": 46}  # x264's constant rate factor
PUBLISHED = ("raw", "c23", "c40")  # the compressions of FaceForensics++
V3 = "v3"
LAYOUTS = {
    V3: "FaceForensics++ as its download script v3 writes it",
    "c0": "like v3 with c0 for raw, as in older copies",
    "no-youtube": "like v3 with the originals in original_sequences/ itself",
    "images": "like v3 with folders of pictures for videos and masks",
    "faceshifter": "like v3 with one more method, FaceShifter, without masks",
    "actors": "the actors' videos and DeepFakeDetection, without splits",
    "deepfakebench": "frames as DeepfakeBench extracts them, and its JSON",
    "deepfaketimit": "DeepfakeTIMIT at two qualities, and VidTIMIT's pictures",
    "folder": "real/ and fake/METHOD/, and labels.csv",
}
"""Name -> description for --help."""


@dataclasses.dataclass(frozen=True)
class ForgeOptions:
    """The options that decide the content of a forged data set.

    Attributes:
        faces: `rendered`, or the path of a folder of photographs.
        identities: number of people, even; None for 120 rendered people, or for everybody in the photographs.
        frames: number of frames of each clip.
        size: side of the frames in pixels, even.
        seed: seed of all random numbers.
        compressions: keys of `CRF`, in any order.
        layout: a key of `LAYOUTS`.

    Raises:
        DataError: a value is out of its range; the message names the option.
    """

    faces: str = dataclasses.field(
        metadata={
            "help": "Render people, or take them from a folder of photographs.",
            "metavar": f"{RENDERED}|FOLDER",
        }
    )
    identities: int | None = dataclasses.field(
        default=None,
        metadata={
            "help": f"Number of people, even.  [default: {RENDERED_IDENTITIES} rendered, or every usable photograph]",
            "range": (6, 10_000),
        },
    )
    frames: int = dataclasses.field(default=8, metadata={"help": "Frames of each clip.", "range": (1, 1000)})
    size: int = dataclasses.field(
        default=208, metadata={"help": "Side of the frames in pixels; even.", "range": (96, 1024)}
    )
    seed: int = dataclasses.field(default=0, metadata={"help": "The same seed gives the same bytes."})
    compressions: tuple[str, ...] = dataclasses.field(
        default=PUBLISHED, metadata={"help": "Compressions of the videos.", "choices": tuple(CRF)}
    )
    layout: str = dataclasses.field(
        default=V3, metadata={"help": "Layout of the folders, see above.", "choices": tuple(LAYOUTS)}
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            _check(f"--{field.name}", getattr(self, field.name), field.metadata)
        if self.size % 2:
            raise DataError(f"--size is {self.size}; it must be even, because H.264 in yuv420p needs even sides.")
        if self.identities is not None and self.identities % 2:
            raise DataError(f"--identities is {self.identities}; it must be even, because people are put into pairs.")

    @property
    def photographs(self) -> Path | None:
        """The folder of photographs; None for rendered faces."""
        return None if self.faces == RENDERED else Path(self.faces)


def _check(option: str, value: object, metadata: dict) -> None:
    """Raises `DataError` if the field's metadata do not allow `value`."""
    if value is None:
        return
    if "range" in metadata:
        least, most = metadata["range"]
        if not least <= value <= most:
            raise DataError(f"{option} is {value}; it must be from {least} to {most}.")
    if "choices" in metadata:
        values = value if isinstance(value, tuple) else (value,)
        unknown = [choice for choice in values if choice not in metadata["choices"]]
        if unknown or not values:
            received = ", ".join(map(str, unknown)) or "empty"
            raise DataError(f"{option} is {received}; choose from {', '.join(metadata['choices'])}.")
