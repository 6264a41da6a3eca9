"""MTCNN (Zhang et al., IEEE Signal Processing Letters 2016) on LiteRT: faces and their five key points.

Three networks look closer and closer: P-Net proposes boxes in an image pyramid, R-Net refines them, O-Net refines them
again and finds the key points. Thresholds, strides and roundings are those of the `mtcnn` package, whose weights are
used, so that both find the same faces.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from edge_runtime.network import Network

KEYPOINTS = 5
CELL, STRIDE = 12, 2  # of P-Net: it sees 12 x 12 pixels, every second one
FACTOR = 0.709  # between two levels of the pyramid
SMALLEST_FACE = 20  # pixels, after shrinking
SHORT_SIDE = (
    16 * SMALLEST_FACE
)  # larger frames are shrunk to it: faces below a sixteenth of the frame are not looked for
LONG_SIDE = 4 * SHORT_SIDE
SMALLEST_SIDE = 24
THRESHOLDS = (0.6, 0.7, 0.8)  # of the confidence, for P-Net, R-Net and O-Net
OVERLAP_LEVEL, OVERLAP = 0.5, 0.7  # from which on the less confident box goes: within a level, and among all


@dataclasses.dataclass(frozen=True)
class Face:
    """A detected face, in pixels of the frame.

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

    Args:
        folder: holds pnet.tflite, rnet.tflite and onet.tflite.
        threads: that a network may use.

    Raises:
        EdgeError: a network is missing or damaged.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        self._pnet, self._rnet, self._onet = (
            Network(folder / f"{name}.tflite", threads) for name in ("pnet", "rnet", "onet")
        )

    def detect(self, rgb: np.ndarray) -> list[Face]:
        """Finds the faces of one frame.

        Args:
            rgb: uint8 (H, W, 3).

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
        image = (rgb.astype(np.float32) - np.float32(127.5)) / np.float32(128)

        boxes = self._propose(image)
        if len(boxes):
            boxes, _ = _refine(self._rnet, image, boxes, 24, THRESHOLDS[1])
            boxes = _square(boxes[_best(boxes, OVERLAP)])
        if not len(boxes):
            return []
        boxes, points = _refine(self._onet, image, boxes, 48, THRESHOLDS[2])
        kept = _best(boxes, OVERLAP, of_smaller=True)
        boxes, points = boxes[kept], points[kept]
        boxes[:, [0, 2]] = np.clip(boxes[:, [0, 2]], 0, image.shape[1] - 1)
        boxes[:, [1, 3]] = np.clip(boxes[:, [1, 3]], 0, image.shape[0] - 1)
        faces = [
            Face(
                (float(y0) / scale, float(x0) / scale, float(y1) / scale, float(x1) / scale),
                (own / scale).astype(np.float32),
                float(score),
            )
            for (x0, y0, x1, y1, score), own in zip(boxes, points, strict=True)
        ]
        return sorted((face for face in faces if face.area > 0), key=lambda face: (-face.area, face.box))

    def _propose(self, image: np.ndarray) -> np.ndarray:
        """P-Net over the pyramid: square boxes float64 (n, 5), x0, y0, x1, y1, confidence."""
        height, width = image.shape[:2]
        levels = round(-(np.log(min(height, width) / CELL) / np.log(FACTOR) + 1))
        found = [np.empty((0, 5))]
        for scale in CELL / SMALLEST_FACE * FACTOR ** np.arange(levels):
            size = (int(width * scale), int(height * scale))
            level = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            outputs = self._pnet(image=level[None])
            confidence, shift = outputs["confidence"][0, ..., 1], outputs["box"][0]
            rows, columns = np.nonzero(confidence > THRESHOLDS[0])
            corner = np.stack([columns, rows], axis=1) * STRIDE
            boxes = np.concatenate([corner + 1, corner + CELL], axis=1) + shift[rows, columns] * (CELL - 1.0)
            boxes = np.column_stack([boxes / scale, confidence[rows, columns]])
            found.append(boxes[_best(boxes, OVERLAP_LEVEL)])
        boxes = np.concatenate(found)
        return _square(boxes[_best(boxes, OVERLAP)])


def longest_track(frames: Sequence[Sequence[Face]], overlap: float = 0.3) -> list[Face | None]:
    """One face for each frame of a clip: the person seen in most frames, and of those the largest.

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
            shared = [_shared(face, last) for face in free]
            if shared and max(shared) >= overlap:
                track[index] = free.pop(int(np.argmax(shared)))
        tracks.extend({index: face} for face in free)
    if not tracks:
        return [None] * len(frames)
    chosen = max(tracks, key=lambda track: (len(track), np.mean([face.area for face in track.values()])))
    return [chosen.get(index) for index in range(len(frames))]


def _shared(one: Face, other: Face) -> float:
    """Intersection over union of two boxes."""
    y0, x0 = np.maximum(one.box[:2], other.box[:2])
    y1, x1 = np.minimum(one.box[2:], other.box[2:])
    both = max(0.0, y1 - y0) * max(0.0, x1 - x0)
    return both / (one.area + other.area - both) if both else 0.0


def _refine(
    network: Network, image: np.ndarray, boxes: np.ndarray, side: int, threshold: float
) -> tuple[np.ndarray, np.ndarray | None]:
    """A closer look at each box: moved boxes (n, 5) that are confident enough, and O-Net's key points (n, 5, 2)."""
    outputs = network(patches=_patches(image, boxes, side))
    sizes = boxes[:, 2:4] - boxes[:, 0:2] + 1
    points = None
    if "points" in outputs:
        inside = outputs["points"].reshape(-1, 2, KEYPOINTS).transpose(0, 2, 1)
        points = sizes[:, None] * inside + boxes[:, None, 0:2] - 1
    moved = boxes[:, :4] + outputs["box"] * np.tile(sizes, 2)
    confidence = outputs["confidence"][:, 1]
    kept = np.flatnonzero(confidence > threshold)
    return np.column_stack([moved, confidence])[kept], None if points is None else points[kept]


def _patches(image: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """Each box, resized bilinearly to float32 (n, side, side, 3); what lies outside of the image is 0 (gray)."""
    height, width = image.shape[:2]

    def samples(start: np.ndarray, end: np.ndarray, length: int) -> tuple[np.ndarray, ...]:
        # Corners are fractions of the length, and the last pixel's centre stands for 1.
        first, last = ((edge / length).astype(np.float32) * np.float32(length - 1) for edge in (start, end))
        at = first[:, None] + np.arange(side, dtype=np.float32) * ((last - first) / np.float32(side - 1))[:, None]
        inside = (at >= 0) & (at <= length - 1)
        at = np.clip(at, 0, length - 1)
        below = np.floor(at).astype(int)
        return below, np.minimum(below + 1, length - 1), (at - below).astype(np.float32), inside

    top, bottom, down, rows = samples(boxes[:, 1], boxes[:, 3], height)
    left, right, along, columns = samples(boxes[:, 0], boxes[:, 2], width)

    def across(y: np.ndarray) -> np.ndarray:
        one, other = image[y[:, :, None], left[:, None]], image[y[:, :, None], right[:, None]]
        return one + (other - one) * along[:, None, :, None]

    upper, lower = across(top), across(bottom)
    patches = upper + (lower - upper) * down[:, :, None, None]
    return patches * (rows[:, :, None] & columns[:, None, :])[..., None]


def _best(boxes: np.ndarray, overlap: float, of_smaller: bool = False) -> np.ndarray:
    """Indices of the boxes (n, 5) that no more confident one overlaps by more than `overlap`, by confidence.

    Overlap is intersection over union, or over the smaller box.
    """
    order = np.argsort(boxes[:, 4])[::-1]
    boxes = boxes[order]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    low = np.maximum(boxes[:, None, 0:2], boxes[None, :, 0:2])
    high = np.minimum(boxes[:, None, 2:4], boxes[None, :, 2:4])
    both = np.maximum(high - low, 0).prod(axis=-1)
    base = np.minimum(areas[:, None], areas) if of_smaller else areas[:, None] + areas - both
    worse = np.triu(both > overlap * base, k=1)  # (better, worse)
    return order[~worse.any(axis=0)]


def _square(boxes: np.ndarray) -> np.ndarray:
    """Boxes (n, 5) made square around their centres."""
    sizes = boxes[:, 2:4] - boxes[:, 0:2]
    side = sizes.max(axis=1, keepdims=True) if len(boxes) else sizes
    corner = boxes[:, 0:2] + (sizes - side) / 2
    return np.column_stack([corner, corner + side, boxes[:, 4]])
