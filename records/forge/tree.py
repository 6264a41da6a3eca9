"""Where FaceForensics++ keeps its videos (download script v3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from records.forge.manipulations import METHODS

WORKING = ".forge"  # the folder in a data set that is not whole yet; it holds what is needed to go on


@dataclass(frozen=True)
class Tree:
    """The paths of a data set in `root`."""

    root: Path

    def original(self, compression: str, name: str) -> Path:
        """Video of an untouched clip."""
        return self.root / "original_sequences" / "youtube" / compression / "videos" / f"{name}.mp4"

    def manipulated(self, method: str, compression: str, name: str) -> Path:
        """Video of a manipulated clip called `<target>_<source>`."""
        return self.root / "manipulated_sequences" / method / compression / "videos" / f"{name}.mp4"

    def mask(self, method: str, name: str) -> Path:
        """Mask video of a manipulated clip."""
        return self.root / "manipulated_sequences" / method / "masks" / "videos" / f"{name}.mp4"

    def folders(self, compressions: tuple[str, ...]) -> list[Path]:
        """Every folder that holds videos."""
        videos = [self.original(compression, "x") for compression in compressions]
        videos += [self.manipulated(method, compression, "x") for method in METHODS for compression in compressions]
        videos += [self.mask(method, "x") for method in METHODS]
        return [video.parent for video in videos]

    def pair_notes(self, pair: tuple[str, str]) -> Path:
        """The notes on a pair's clips, written when all of them are there."""
        return self.root / WORKING / f"{pair[0]}_{pair[1]}.json"

    def finished_pairs(self) -> int:
        """How many pairs have their notes."""
        return len(list((self.root / WORKING).glob("*_*.json")))
