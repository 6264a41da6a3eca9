"""Makes all clips of a pair of identities: both untouched clips, and manipulated clips in both directions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from records.atomic import write_json
from records.footage import write_video
from records.forge.camera import Decoy
from records.forge.manipulations import METHODS, Manipulation
from records.forge.networks import read_painted, source_frame
from records.forge.options import CRF
from records.forge.people import FaceClip, Faces
from records.forge.seeds import generator
from records.forge.tree import Tree

PRESET = "veryfast"  # x264's preset


def forge_pair(
    tree: Tree, faces: Faces, seed: int, compressions: tuple[str, ...], pair: tuple[str, str]
) -> dict[str, dict]:
    """Makes both untouched clips of a pair, and manipulated clips in both directions, at each compression.

    Args:
        tree: the data set's paths; its folders must exist.
        faces: source of the untouched clips.
        seed: seed of the data set.
        compressions: keys of `CRF`.
        pair: two identities.

    Returns:
        Name of each clip (`original/000`, `Deepfakes/000_003`) -> its notes. They are also written to
        `tree.pair_notes(pair)` after all videos: if that file exists, the pair is complete.
    """
    clips = {identity: faces.clip(identity) for identity in pair}
    # One identity of each pair has a decoy, so that half of the clips of each split have one.
    with_decoy = pair[int(generator(seed, "decoy of", *pair).integers(2))]
    notes: dict[str, dict] = {}
    for target, source in (pair, pair[::-1]):
        decoy = Decoy.of(seed, target) if target == with_decoy else None
        common = {"decoy": decoy.name if decoy else None}
        clip = clips[target]
        for compression in compressions:
            _encode(tree.original(compression, target), _exposed(clip, clip.frames, decoy), compression)
        notes[f"original/{target}"] = {**common, **faces.note(target)}
        for method in METHODS:
            name = f"{target}_{source}"
            frames, masks, strength = _manipulated(tree, method, seed, target, source, clips)
            exposed = _exposed(clip, frames, decoy)
            for compression in compressions:
                _encode(tree.manipulated(method, compression, name), exposed, compression)
            write_video(tree.mask(method, name), masks, crf=0, preset=PRESET)
            notes[f"{method}/{name}"] = {**common, "strength": round(strength, 4)}
    write_json(tree.pair_notes(pair), notes, indent=1, sort_keys=True)
    return notes


def _manipulated(
    tree: Tree, method: str, seed: int, target: str, source: str, clips: dict[str, FaceClip]
) -> tuple[list[np.ndarray], list[np.ndarray], float]:
    """A manipulated clip: frames, float32 (H, W, 3) in [0, 255]; masks, uint8 (H, W, 3); and its strength."""
    clip, donor = clips[target], clips[source]
    count = len(clip.frames)
    manipulation = Manipulation(method, seed, target, source, count, clip.topology)
    painted = read_painted(tree.painted, target, source)
    frames, masks = [], []
    for t in range(count):
        face = donor.face(source_frame(t, count))
        frame, mask = manipulation.apply(t, clip.face(t), face, painted.swapped[t], painted.mouth[t])
        frames.append(frame)
        masks.append(np.repeat(mask[..., None], 3, axis=2))
    return frames, masks, manipulation.strength


def _exposed(clip: FaceClip, frames: list[np.ndarray], decoy: Decoy | None) -> list[np.ndarray]:
    """Adds the decoy and sensor noise to the frames of a real or manipulated clip; uint8."""
    return [
        clip.camera.expose(decoy.apply(image, points) if decoy else image, t)
        for t, (image, points) in enumerate(zip(frames, clip.points, strict=True))
    ]


def _encode(path: Path, frames: list[np.ndarray], compression: str) -> None:
    write_video(path, frames, crf=CRF[compression], preset=PRESET)
