"""Makes all clips of a pair of identities: two untouched ones, and the manipulated ones both ways."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from records.atomic import write_json
from records.footage import write_video
from records.forge.camera import Decoy
from records.forge.manipulations import METHODS, Manipulation
from records.forge.options import CRF
from records.forge.people import FaceClip, Faces
from records.forge.seeds import generator
from records.forge.tree import Tree

PRESET = "veryfast"  # of x264


def forge_pair(
    tree: Tree, faces: Faces, seed: int, compressions: tuple[str, ...], pair: tuple[str, str]
) -> dict[str, dict]:
    """Makes the two untouched clips of a pair and the manipulated ones both ways, at each compression.

    Args:
        tree: where the videos go; its folders are there.
        faces: where the clips of the two come from.
        seed: of the data set.
        compressions: keys of `CRF`.
        pair: two identities.

    Returns:
        The notes of its clips, `original/000` or `Deepfakes/000_003` -> notes. They are also written to
        `tree.pair_notes(pair)`, after all videos: where they are, the pair is whole.
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
            _encode(tree.original(compression, target), _filmed(clip, clip.frames, decoy), compression)
        notes[f"original/{target}"] = {**common, **faces.note(target)}
        for method in METHODS:
            name = f"{target}_{source}"
            frames, masks = _manipulated(method, seed, target, source, clips)
            filmed = _filmed(clip, frames, decoy)
            for compression in compressions:
                _encode(tree.manipulated(method, compression, name), filmed, compression)
            write_video(tree.mask(method, name), masks, crf=0, preset=PRESET)
            notes[f"{method}/{name}"] = dict(common)
    write_json(tree.pair_notes(pair), notes, indent=1, sort_keys=True)
    return notes


def _manipulated(
    method: str, seed: int, target: str, source: str, clips: dict[str, FaceClip]
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Frames, float32 (H, W, 3) in [0, 255], and masks, uint8 (H, W, 3), of a manipulated clip."""
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


def _filmed(clip: FaceClip, frames: list[np.ndarray], decoy: Decoy | None) -> list[np.ndarray]:
    """Frames with decoy and sensor noise, uint8: every clip is filmed so, manipulated or not."""
    return [
        clip.camera.expose(decoy.apply(image, points) if decoy else image, t)
        for t, (image, points) in enumerate(zip(frames, clip.points, strict=True))
    ]


def _encode(path: Path, frames: list[np.ndarray], compression: str) -> None:
    write_video(path, frames, crf=CRF[compression], preset=PRESET)
