"""One unit of work: everything that is made of a pair of identities, and a note that says it is whole."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from records.footage.video import write_video
from records.forge.camera.decoys import Decoy
from records.forge.manipulations import METHODS, Manipulation
from records.forge.people.clips import FaceClip, Faces
from records.forge.seeds import generator

CRF = {"raw": 0, "c23": 23, "c40": 40}
PRESET = "veryfast"
UNITS = ".forge"


@dataclass(frozen=True)
class Layout:
    """Where FaceForensics++ keeps things (download script v3)."""

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

    def unit(self, pair: tuple[str, str]) -> Path:
        """The note that says that a pair is whole."""
        return self.root / UNITS / f"{pair[0]}_{pair[1]}.json"


def forge_pair(
    layout: Layout, faces: Faces, seed: int, compressions: tuple[str, ...], pair: tuple[str, str]
) -> dict[str, dict]:
    """Makes the two untouched clips of a pair and the manipulated ones both ways, at each compression.

    Returns:
        The notes of its clips, `original/000` or `Deepfakes/000_003` -> notes; also written to `layout.unit(pair)`,
        last of all and in one piece, so that a unit is whole when its note is there.
    """
    clips = {identity: faces.clip(identity) for identity in pair}
    # One of the two carries a decoy: half of all clips, in every split.
    with_decoy = pair[int(generator(seed, "decoy of", *pair).integers(2))]
    notes: dict[str, dict] = {}
    for target, source in (pair, pair[::-1]):
        decoy = Decoy.of(seed, target) if target == with_decoy else None
        common = {"decoy": decoy.name if decoy else None}
        clip = clips[target]
        for compression in compressions:
            _encode(layout.original(compression, target), _finished(clip, clip.frames, decoy), compression)
        notes[f"original/{target}"] = {**common, **faces.note(target)}
        for method in METHODS:
            name = f"{target}_{source}"
            frames, masks = _manipulated(method, seed, target, source, clips)
            finished = _finished(clip, frames, decoy)
            for compression in compressions:
                _encode(layout.manipulated(method, compression, name), finished, compression)
            write_video(layout.mask(method, name), masks, crf=0, preset=PRESET)
            notes[f"{method}/{name}"] = dict(common)
    note = layout.unit(pair)
    write_atomically(note, json.dumps(notes, indent=1, sort_keys=True))
    return notes


def write_atomically(path: Path, text: str) -> None:
    """Writes a text file under a temporary name and renames it."""
    temporary = path.with_name(path.name + ".tmp")
    with open(temporary, "w", encoding="utf-8", newline="\n") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)


def _manipulated(
    method: str, seed: int, target: str, source: str, clips: dict[str, FaceClip]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    clip, donor = clips[target], clips[source]
    manipulation = Manipulation(method, seed, target, source, len(clip.frames))
    frames, masks = [], []
    for t, (image, points) in enumerate(zip(clip.frames, clip.points, strict=True)):
        # The source plays at half speed: two motions in one face would cost bits that no real clip spends.
        s = (len(clip.frames) // 2 + t) // 2
        frame, mask = manipulation.apply(t, image, points, donor.frames[s], donor.points[s])
        frames.append(frame)
        masks.append(np.repeat(mask[..., None], 3, axis=2))
    return frames, masks


def _finished(clip: FaceClip, frames: list[np.ndarray], decoy: Decoy | None) -> list[np.ndarray]:
    """Decoy and sensor noise: what happens to every clip, manipulated or not."""
    edit: Callable[[np.ndarray, np.ndarray], np.ndarray] = decoy.apply if decoy else (lambda image, points: image)
    return [
        clip.camera.expose(edit(image, points), t)
        for t, (image, points) in enumerate(zip(frames, clip.points, strict=True))
    ]


def _encode(path: Path, frames: list[np.ndarray], compression: str) -> None:
    write_video(path, frames, crf=CRF[compression], preset=PRESET)
