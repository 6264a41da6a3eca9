"""The paths of videos in a data set in the layout of FaceForensics++ (download script v3)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from records.forge.manipulations import METHODS

WORKING = ".forge"  # folder in an unfinished data set, with the files that are needed to resume


@dataclass(frozen=True)
class Tree:
    """The paths of a data set in `root`."""

    root: Path

    def original(self, compression: str, name: str) -> Path:
        """The video of an untouched clip."""
        return self.root / "original_sequences" / "youtube" / compression / "videos" / f"{name}.mp4"

    def manipulated(self, method: str, compression: str, name: str) -> Path:
        """The video of a manipulated clip, whose name is `<target>_<source>`."""
        return self.root / "manipulated_sequences" / method / compression / "videos" / f"{name}.mp4"

    def mask(self, method: str, name: str) -> Path:
        """The mask video of a manipulated clip."""
        return self.root / "manipulated_sequences" / method / "masks" / "videos" / f"{name}.mp4"

    def folders(self, compressions: tuple[str, ...]) -> list[Path]:
        """Every folder that holds videos."""
        videos = [self.original(compression, "x") for compression in compressions]
        videos += [self.manipulated(method, compression, "x") for method in METHODS for compression in compressions]
        videos += [self.mask(method, "x") for method in METHODS]
        return [video.parent for video in videos]

    def pair_notes(self, pair: tuple[str, str]) -> Path:
        """The file of notes of a pair's clips, which is written after all their videos."""
        return self.root / WORKING / f"{pair[0]}_{pair[1]}.json"

    @property
    def painted(self) -> Path:
        """The folder of what the networks paint for each pair."""
        return self.root / WORKING / "painted"

    @property
    def networks(self) -> Path:
        """The folder of the networks' weights, which are kept."""
        return self.root / "networks"

    def finished_pairs(self) -> int:
        """The number of pairs whose clips are all written."""
        return len(list((self.root / WORKING).glob("*_*.json")))
