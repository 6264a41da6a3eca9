"""Pictures that tell the networks what to paint: a person with a certain expression, and the lips that are wanted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from records.forge.mesh import Topology, carried_expression, triangulate, warp_mesh
from records.forge.networks.crops import SIDE
from records.forge.networks.drawings import drawn_lips
from records.forge.networks.painted import source_frame

RIM = np.array([(x, y) for x in (0, 21, 42, 63) for y in (0, 21, 42, 63) if {x, y} & {0, 63}], np.float32)
"""Points on the edge of a crop, which stay where they are."""
LIPS = ("outer_lips", "inner_lips")
FEATURES = ("left_brow", "right_brow", "left_eye", "right_eye", *LIPS)
"""The parts of the face that an expression moves."""
FACE_AMOUNT, LIPS_AMOUNT = 0.6, 0.8
"""How much of the other's expression is carried over, for the autoencoder and for the mouth renderer. With more, skin
between open lips is stretched over the mouth."""


def training_references(pictures: np.ndarray, meshes: np.ndarray) -> np.ndarray:
    """For each frame of a person, a neighbouring frame, whose mesh is brought to this frame's.

    Args:
        pictures: uint8 (T, SIDE, SIDE, 3), crops.
        meshes: float32 (T, K, 2), in pixels of the crops.

    Returns:
        uint8 (T, SIDE, SIDE, 3).
    """
    others = [t + 1 for t in range(len(pictures) - 1)] + [max(len(pictures) - 2, 0)]
    return _warped(pictures[others], meshes[others], meshes)


@dataclass(frozen=True)
class Guides:
    """What the networks are told about each frame of a manipulated clip.

    Attributes:
        persons: uint8 (T, SIDE, SIDE, 3), the source's face with the target's expression, for the autoencoder.
        textures: uint8 (T, SIDE, SIDE, 3), the target's face with the source's lips, for the mouth renderer.
        lips: uint8 (T, SIDE, SIDE, 2), those lips, drawn by `drawn_lips`.
    """

    persons: np.ndarray
    textures: np.ndarray
    lips: np.ndarray


def clip_guides(
    number: int,
    target_pictures: np.ndarray,
    target_meshes: np.ndarray,
    source_pictures: np.ndarray,
    source_meshes: np.ndarray,
    topology: Topology,
) -> tuple[int, Guides]:
    """Warps the faces of a manipulated clip for the networks.

    Args:
        number: it is returned as it is, to tell the results of worker processes from each other.
        target_pictures, source_pictures: uint8 (T, SIDE, SIDE, 3), crops.
        target_meshes, source_meshes: float32 (T, K, 2), in pixels of the crops.
        topology: the parts of the meshes.
    """
    frames = [source_frame(t, len(target_meshes)) for t in range(len(target_meshes))]
    source_pictures, source_meshes = source_pictures[frames], source_meshes[frames]
    as_target = _with_expression(source_meshes, target_meshes, topology, FEATURES, FACE_AMOUNT)
    as_source = _with_expression(target_meshes, source_meshes, topology, LIPS, LIPS_AMOUNT)
    return number, Guides(
        persons=_warped(source_pictures, source_meshes, as_target),
        textures=_warped(target_pictures, target_meshes, as_source),
        lips=np.array([drawn_lips(mesh, topology) for mesh in as_source]),
    )


def _with_expression(
    meshes: np.ndarray, like: np.ndarray, topology: Topology, features: tuple[str, ...], amount: float
) -> np.ndarray:
    """Each mesh with the expression of another: float32 (T, K, 2)."""
    pairs = zip(meshes, like, strict=True)
    return np.array([carried_expression(mesh, other, topology, amount, features) for mesh, other in pairs])


def _warped(pictures: np.ndarray, meshes: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Each picture after its mesh was brought to the wanted one; the triangles are those of the first mesh."""
    triangles = triangulate(np.concatenate((meshes[0], RIM)))
    warped = [
        warp_mesh(picture.astype(np.float32), np.concatenate((a, RIM)), np.concatenate((b, RIM)), triangles, SIDE, SIDE)
        for picture, a, b in zip(pictures, meshes, wanted, strict=True)
    ]
    return np.rint(warped).astype(np.uint8)
