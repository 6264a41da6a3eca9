"""The crops of everybody in a data set, which the networks are trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from records.building import in_processes
from records.forge.mesh import Topology
from records.forge.networks.crops import crop_points, face_crop
from records.forge.networks.drawings import drawn_lips, lower_face
from records.forge.networks.guides import training_references
from records.forge.people import Faces
from records.progress import progress


@dataclass(frozen=True)
class FaceCrops:
    """The crops of N people in T frames each.

    Attributes:
        pictures: uint8 (N, T, SIDE, SIDE, 3).
        meshes: float32 (N, T, K, 2), in pixels of the crops.
        references: uint8 (N, T, SIDE, SIDE, 3), see `guides.training_references`.
        lower_faces: uint8 (N, T, SIDE, SIDE), see `drawings.lower_face`.
        lips: uint8 (N, T, SIDE, SIDE, 2), see `drawings.drawn_lips`.
        topology: the parts of the meshes.
    """

    pictures: np.ndarray
    meshes: np.ndarray
    references: np.ndarray
    lower_faces: np.ndarray
    lips: np.ndarray
    topology: Topology

    @property
    def people(self) -> int:
        """The number N of people."""
        return self.pictures.shape[0]

    @property
    def frames(self) -> int:
        """The number T of frames of each clip."""
        return self.pictures.shape[1]


def crop_everybody(faces: Faces, names: list[str], workers: int) -> FaceCrops:
    """Makes the clips of all `names` in worker processes and crops their faces; the order is that of `names`."""
    jobs = [(faces.only(name), number, name) for number, name in enumerate(names)]
    everybody: list[np.ndarray] = []
    cropped = in_processes(_crop, jobs, workers, tasks_a_process=len(jobs))
    for number, of_person, of_mesh in progress(cropped, len(jobs), "Cropping faces"):
        topology = of_mesh
        if not everybody:
            everybody = [np.empty((len(names), *array.shape), array.dtype) for array in of_person]
        for array, one in zip(everybody, of_person, strict=True):
            array[number] = one
    return FaceCrops(*everybody, topology)


def _crop(faces: Faces, number: int, name: str) -> tuple[int, list[np.ndarray], Topology]:
    """The number, arrays and topology of one person; runs in a worker."""
    clip = faces.clip(name)
    crops = [face_crop(frame, points) for frame, points in zip(clip.frames, clip.points, strict=True)]
    pictures = np.rint(crops).astype(np.uint8)
    meshes = np.array([crop_points(mesh, points) for mesh, points in zip(clip.meshes, clip.points, strict=True)])
    arrays = [
        pictures,
        meshes,
        training_references(pictures, meshes),
        np.array([lower_face(mesh, clip.topology) for mesh in meshes]),
        np.array([drawn_lips(mesh, clip.topology) for mesh in meshes]),
    ]
    return number, arrays, clip.topology
