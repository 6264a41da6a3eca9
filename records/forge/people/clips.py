"""Makes untouched clips: a moving face, rendered or from a photograph."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from records.forge.camera import Camera, canvas_size, clip_motion, move
from records.forge.people.person import make_person
from records.forge.people.photos import Photograph, canvas_of, read_photograph
from records.forge.people.rendered import Pose, draw
from records.forge.seeds import generator, smooth_path


@dataclass(frozen=True)
class FaceClip:
    """An untouched clip, before manipulations, decoys and noise.

    Attributes:
        frames: each float32 (H, W, 3) in [0, 255], without noise.
        points: each float32 (5, 2), the key points in pixels.
        camera: the camera that adds noise at the end.
    """

    frames: list[np.ndarray]
    points: list[np.ndarray]
    camera: Camera


class Faces(Protocol):
    """A source of untouched clips."""

    def clip(self, identity: str) -> FaceClip:
        """The clip of one identity; it depends on the identity and the data set's seed alone."""

    def note(self, identity: str) -> dict[str, str]:
        """The entries of one identity in the data set's notes."""


@dataclass(frozen=True)
class RenderedFaces:
    """Rendered people; `clip` renders one each time it is called."""

    seed: int
    size: int
    frames: int

    def clip(self, identity: str) -> FaceClip:
        """See `Faces.clip`."""
        motion = clip_motion(self.seed, identity, self.frames, self.size, strength=0.35)
        camera = Camera.of(self.seed, identity, self.frames)
        person, poses = make_person(self.seed, identity), _poses(self.seed, identity, self.frames)
        images, points = [], []
        for frame, pose in enumerate(poses):
            canvas, keypoints = draw(person, pose, self.size, canvas_size(self.size))
            image, keypoints = move(canvas, keypoints, motion, frame, self.size)
            images.append(camera.light(image, frame))
            points.append(keypoints)
        return FaceClip(images, points, camera)

    def note(self, identity: str) -> dict[str, str]:
        """See `Faces.note`."""
        return {}


@dataclass(frozen=True)
class PhotographedFaces:
    """People from photographs; `photographs[identity]` is the photograph of each."""

    seed: int
    size: int
    frames: int
    folder: Path
    photographs: dict[str, Photograph]

    def clip(self, identity: str) -> FaceClip:
        """See `Faces.clip`."""
        photograph = self.photographs[identity]
        canvas, keypoints = canvas_of(read_photograph(self.folder / photograph.file), photograph, self.size)
        motion = clip_motion(self.seed, identity, self.frames, self.size, strength=0.6)
        camera = Camera.of(self.seed, identity, self.frames)
        moved = [move(canvas, keypoints, motion, frame, self.size) for frame in range(self.frames)]
        images = [camera.light(image, frame) for frame, (image, _) in enumerate(moved)]
        return FaceClip(images, [points for _, points in moved], camera)

    def note(self, identity: str) -> dict[str, str]:
        """See `Faces.note`."""
        return {"photograph": self.photographs[identity].file}


def _poses(seed: int, identity: str, frames: int) -> list[Pose]:
    """The pose of a rendered person's head in each frame."""
    rng = generator(seed, "pose", identity)
    amplitudes = {
        "yaw": (0.10, 0.10),
        "pitch": (0.05, 0.05),
        "gaze_x": (0.5, 0.6),
        "gaze_y": (0.3, 0.5),
        "blink": (0.0, 0.15),
        "brows": (0.2, 0.4),
        "mouth_open": (0.15, 0.5),
        "smile": (0.4, 0.3),
    }
    curves = {
        name: rng.uniform(-rest, rest) + smooth_path(rng, frames, moving) for name, (rest, moving) in amplitudes.items()
    }
    curves["smile"] += 0.25
    return [Pose(**{name: float(curve[t]) for name, curve in curves.items()}) for t in range(frames)]
