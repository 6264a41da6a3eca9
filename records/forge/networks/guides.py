"""Pictures that tell the networks what to paint: a person with a certain expression, and the lips that are wanted."""

from __future__ import annotations

import numpy as np

from records.forge.mesh import Topology, carried_expression, triangulate, warp_mesh
from records.forge.networks.crops import SIDE
from records.forge.networks.drawings import drawn_lips
from records.forge.networks.painted import source_frame

RIM = np.array([(x, y) for x in (0, 21, 42, 63) for y in (0, 21, 42, 63) if {x, y} & {0, 63}], np.float32)
"""Points on the edge of a crop, which stay where they are."""


def training_references(pictures: np.ndarray, meshes: np.ndarray) -> np.ndarray:
    """For each frame of a person, another frame of the same person, whose mesh is brought to this frame's.

    Args:
        pictures: uint8 (T, SIDE, SIDE, 3), crops.
        meshes: float32 (T, K, 2), in pixels of the crops.

    Returns:
        uint8 (T, SIDE, SIDE, 3).
    """
    count = len(pictures)
    others = [(t + max(1, count // 2)) % count for t in range(count)]
    return _warped(pictures[others], meshes[others], meshes)


def clip_guides(
    number: int, target_meshes: np.ndarray, source_pictures: np.ndarray, source_meshes: np.ndarray, topology: Topology
) -> tuple[int, np.ndarray, np.ndarray]:
    """What the networks are told about each frame of a manipulated clip.

    Args:
        number: it is returned as it is.
        target_meshes: float32 (T, K, 2), in pixels of the target's crops.
        source_pictures: uint8 (T, SIDE, SIDE, 3), the source's crops.
        source_meshes: float32 (T, K, 2), in pixels of the source's crops.
        topology: the parts of the meshes.

    Returns:
        (number, references, lips): uint8 (T, SIDE, SIDE, 3), the source's face with the target's expression; uint8
        (T, SIDE, SIDE, 2), the target's lips with the source's expression, drawn by `drawn_lips`.
    """
    frames = [source_frame(t, len(target_meshes)) for t in range(len(target_meshes))]
    pictures, meshes = source_pictures[frames], source_meshes[frames]
    both = list(zip(target_meshes, meshes, strict=True))
    as_target = np.array([carried_expression(source, target, topology, 1.0) for target, source in both])
    as_source = [carried_expression(target, source, topology, 1.0) for target, source in both]
    return number, _warped(pictures, meshes, as_target), np.array([drawn_lips(mesh, topology) for mesh in as_source])


def _warped(pictures: np.ndarray, meshes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Each picture after its mesh was brought to the wanted one; the triangles are those of the first mesh."""
    triangles = triangulate(np.concatenate((meshes[0], RIM)))
    warped = [
        warp_mesh(picture.astype(np.float32), np.concatenate((a, RIM)), np.concatenate((b, RIM)), triangles, SIDE, SIDE)
        for picture, a, b in zip(pictures, meshes, wanted, strict=True)
    ]
    return np.rint(warped).astype(np.uint8)
