"""Makes untouched clips: a moving face, rendered or from a photograph."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from records.forge.camera import Camera, canvas_size, clip_motion, move, moved
from records.forge.geometry import transform
from records.forge.mesh import MEDIAPIPE, RENDERED, Face, Topology
from records.forge.people.person import make_person
from records.forge.people.photos import Photograph, canvas_of, read_photograph
from records.forge.people.rendered import draw
from records.forge.people.rendered_mesh import rendered_mesh
from records.forge.people.shape import Pose
from records.forge.seeds import generator, smooth_path


@dataclass(frozen=True)
class FaceClip:
    """An untouched clip, before manipulations, decoys and noise.

    Attributes:
        frames: each float32 (H, W, 3) in [0, 255], without noise.
        points: each float32 (5, 2), the key points in pixels.
        meshes: each float32 (K, 2), the mesh of the face in pixels.
        topology: the parts of the meshes.
        camera: the camera that adds noise at the end.
    """

    frames: list[np.ndarray]
    points: list[np.ndarray]
    meshes: list[np.ndarray]
    topology: Topology
    camera: Camera

    def face(self, frame: int) -> Face:
        """The face in one frame."""
        return Face(self.frames[frame], self.points[frame], self.meshes[frame])


class Faces(Protocol):
    """A source of untouched clips."""

    def clip(self, identity: str) -> FaceClip:
        """The clip of one identity; it depends on the identity and the data set's seed alone."""

    def note(self, identity: str) -> dict[str, str]:
        """The entries of one identity in the data set's notes."""

    def only(self, *identities: str) -> Faces:
        """A source of the same clips of these identities alone, which is quickly sent to a worker process."""


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
        images, points, meshes = [], [], []
        for frame, pose in enumerate(poses):
            canvas, keypoints = draw(person, pose, self.size, canvas_size(self.size))
            images.append(camera.light(move(canvas, keypoints, motion, frame, self.size), frame))
            mesh = rendered_mesh(person, pose, self.size, canvas_size(self.size))
            points.append(moved(keypoints, keypoints, motion, frame))
            meshes.append(moved(mesh, keypoints, motion, frame))
        return FaceClip(images, points, meshes, RENDERED, camera)

    def note(self, identity: str) -> dict[str, str]:
        """See `Faces.note`."""
        return {}

    def only(self, *identities: str) -> RenderedFaces:
        """See `Faces.only`."""
        return self


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
        canvas, to_canvas = canvas_of(read_photograph(self.folder / photograph.file), photograph.box, self.size)
        keypoints = transform(to_canvas, np.array(photograph.points, np.float32))
        mesh = transform(to_canvas, np.array(photograph.mesh, np.float32))
        motion = clip_motion(self.seed, identity, self.frames, self.size, strength=0.6)
        camera = Camera.of(self.seed, identity, self.frames)
        frames = range(self.frames)
        images = [camera.light(move(canvas, keypoints, motion, frame, self.size), frame) for frame in frames]
        points = [moved(keypoints, keypoints, motion, frame) for frame in frames]
        meshes = [moved(mesh, keypoints, motion, frame) for frame in frames]
        return FaceClip(images, points, meshes, MEDIAPIPE, camera)

    def note(self, identity: str) -> dict[str, str]:
        """See `Faces.note`."""
        return {"photograph": self.photographs[identity].file}

    def only(self, *identities: str) -> PhotographedFaces:
        """See `Faces.only`."""
        return replace(self, photographs={identity: self.photographs[identity] for identity in identities})


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
