"""Faces and their five key points, by MTCNN."""

from __future__ import annotations

import dataclasses
import importlib.resources
from collections.abc import Sequence

import cv2
import numpy as np

KEYPOINTS = 5  # left eye, right eye, nose, left and right corner of the mouth, as the viewer sees them
# MTCNN 1.0's pyramid is right for this smallest face alone (others end in an error that it takes for "no face").
MTCNN_FACE = 20
SHORT_SIDE = 16 * MTCNN_FACE  # larger frames are shrunk to it: faces below a sixteenth of the frame are not looked for
LONG_SIDE = 4 * SHORT_SIDE
PATCH, STEP, PROPOSAL = 12, 0.709, 0.6  # of MTCNN's first stage: side of its patches, pyramid, least confidence
SMALLER, LARGER = 0.35, 2.0  # sizes looked for, over those of a neighbouring frame's faces
SMALLEST_SIDE = 24  # MTCNN's own patches are that large


@dataclasses.dataclass(frozen=True)
class Face:
    """A detected face, in pixels of the frame it was found in.

    Attributes:
        box: y0, x0, y1, x1.
        keypoints: float32 (5, 2), x and y of left eye, right eye, nose, left and right corner of the mouth, as the
            viewer sees them.
        score: MTCNN's confidence in [0, 1].
    """

    box: tuple[float, float, float, float]
    keypoints: np.ndarray
    score: float

    @property
    def area(self) -> float:
        """Of the box, in square pixels."""
        y0, x0, y1, x1 = self.box
        return (y1 - y0) * (x1 - x0)


class FaceDetector:
    """MTCNN, loaded once and used for many frames.

    Frames are shrunk to a short side of 320 pixels (and a long one of 1280 at most) before detection: time and memory
    do not depend on what a video's maker chose, and faces smaller than a sixteenth of the frame are left alone.
    """

    def __init__(self) -> None:
        self._stages = _stages()

    def detect(self, rgb: np.ndarray, like: Sequence[Face] = ()) -> list[Face]:
        """Finds the faces of one frame.

        Args:
            rgb: uint8 (H, W, 3).
            like: faces of a neighbouring frame; others are looked for only from a third to twice their size, which
                takes half the time. On 190 frames of ten real videos, three frames apart, every box was the same.

        Returns:
            The faces in pixels of `rgb`, the largest first; none is no error.
        """
        if rgb.dtype != np.uint8 or rgb.ndim != 3 or rgb.shape[2] != 3:
            raise ValueError(f"rgb must be uint8 (H, W, 3); received {rgb.dtype} {rgb.shape}.")
        height, width = rgb.shape[:2]
        scale = min(1.0, SHORT_SIDE / min(height, width), LONG_SIDE / max(height, width))
        if min(height, width) * scale < SMALLEST_SIDE:
            return []
        if scale < 1.0:
            rgb = cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        sizes = [scale * max(face.box[2] - face.box[0], face.box[3] - face.box[1]) for face in like]
        within = (SMALLER * min(sizes), LARGER * max(sizes)) if sizes else (0.0, np.inf)
        faces = [face for face in (_face(row, 1 / scale) for row in self._run(rgb, within)) if face.area > 0]
        return sorted(faces, key=lambda face: (-face.area, face.box))

    def _run(self, rgb: np.ndarray, within: tuple[float, float]) -> np.ndarray:
        """What MTCNN.detect_faces gives, of faces whose size in pixels is `within` two; (n, 16).

        That takes any error of TensorFlow's for "no face"; here an error stays one.
        """
        import tensorflow as tf
        from mtcnn.utils.bboxes import limit_bboxes
        from mtcnn.utils.images import standarize_batch

        images, shapes, _ = standarize_batch([rgb], normalize=True)
        boxes = None
        with tf.device("CPU:0"):
            for stage in self._stages:
                boxes = stage(bboxes_batch=boxes, images_normalized=images, images_oshapes=shapes, within=within)
                if len(boxes) == 0:  # nothing left for the next network to refine
                    return np.empty((0, 16))
        return limit_bboxes(boxes, images_shapes=shapes, limit_landmarks=False)


def longest_track(frames: Sequence[Sequence[Face]], overlap: float = 0.3) -> list[Face | None]:
    """Chooses one face for each frame of a clip: the person seen in most frames, and of those the largest.

    Faces of consecutive frames belong to one track when their boxes overlap; a track survives frames in which its face
    is not found.

    Args:
        frames: the faces of each frame, in order.
        overlap: intersection over union from which on two boxes show one person.

    Returns:
        A face or None for each frame.
    """
    tracks: list[dict[int, Face]] = []
    for index, faces in enumerate(frames):
        free = list(faces)
        for track in sorted(tracks, key=len, reverse=True):
            last = track[max(track)]
            best = max(free, key=lambda face: _overlap(face.box, last.box), default=None)
            if best is not None and _overlap(best.box, last.box) >= overlap:
                track[index] = best
                free = [face for face in free if face is not best]
        tracks.extend({index: face} for face in free)
    if not tracks:
        return [None] * len(frames)
    chosen = max(tracks, key=lambda track: (len(track), np.mean([face.area for face in track.values()])))
    return [chosen.get(index) for index in range(len(frames))]


def _stages() -> list:
    """MTCNN's three networks, each a graph that is traced once and serves every size.

    Called eagerly, as MTCNN does, they take three times as long and give the same numbers. The weights are named by
    their full path: MTCNN looks in the working directory first and would unpickle what somebody left there.
    """
    import tensorflow as tf
    from mtcnn.stages import StageONet, StageRNet

    weights = importlib.resources.files("mtcnn.assets.weights")
    stages = []
    for kind, name, side in ((_pyramid(), "pnet", None), (StageRNet, "rnet", 24), (StageONet, "onet", 48)):
        stage = kind(weights=str(weights / f"{name}.lz4"))
        patches = tf.TensorSpec((None, side, side, 3), tf.float32)
        stage._model = tf.function(stage.model, input_signature=[patches])
        stages.append(stage)
    return stages


def _pyramid() -> type:
    """MTCNN's first stage, of which some levels of the pyramid can be left out."""
    from mtcnn.stages import StagePNet
    from mtcnn.utils import bboxes, images

    class Pyramid(StagePNet):
        """StagePNet, looking only for faces of a size `within` two; one image at a time."""

        def __call__(self, images_normalized, images_oshapes, within, **_):
            scales = images.build_scale_pyramid(images_oshapes[0][1], images_oshapes[0][0], MTCNN_FACE, STEP)
            wanted = scales[(PATCH / scales >= within[0]) & (PATCH / scales <= within[1])]
            if not len(wanted):
                return np.empty((0, 6))
            levels, scale_of = images.apply_scales(images_normalized, [wanted])
            found = [bboxes.generate_bounding_box(*self._model(level), PROPOSAL) for level in levels]
            found = [
                bboxes.upscale_bboxes(rows, np.array([scale])) for rows, scale in zip(found, scale_of, strict=True)
            ]
            kept = [
                bboxes.smart_nms_from_bboxes(rows, threshold=0.5, method="union", initial_sort=False) for rows in found
            ]
            kept = bboxes.smart_nms_from_bboxes(np.concatenate(kept), threshold=0.7, method="union", initial_sort=True)
            return bboxes.resize_to_square(kept)

    return Pyramid


def _face(row: np.ndarray, scale: float) -> Face:
    """A row is: image, x0, y0, x1, y1, confidence, five x, five y."""
    x0, y0, x1, y1 = (float(value) * scale for value in row[1:5])
    points = row[6:].reshape(2, KEYPOINTS).T * scale
    return Face((y0, x0, y1, x1), points.astype(np.float32), float(row[5]))


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    both = height * width
    return both / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both)
