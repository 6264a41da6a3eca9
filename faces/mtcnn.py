"""MTCNN (Zhang et al., IEEE Signal Processing Letters 2016): finds faces and their five key points.

Three networks run in a cascade: P-Net proposes boxes in an image pyramid, R-Net refines the boxes, O-Net refines them
again and finds the key points. Thresholds, strides and rounding are those of the `mtcnn` package. The networks are
passed in: building runs the package's Keras models, an edge device runs the same weights as .tflite files.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import cv2
import numpy as np

KEYPOINTS = ("left eye", "right eye", "nose", "mouth left", "mouth right")  # left as the viewer sees it
CELL, STRIDE = 12, 2  # P-Net looks at windows of 12 x 12 pixels, 2 pixels apart
FACTOR = 0.709  # scale between two levels of the pyramid
SMALLEST_FACE = 20  # pixels, after the frame was shrunk
SHORT_SIDE = 16 * SMALLEST_FACE  # a larger frame is shrunk until its short side is this; smaller faces are not found
LONG_SIDE = 4 * SHORT_SIDE
SMALLEST_SIDE = 24  # smallest side of a frame, because R-Net's patches have this side
SMALLER, LARGER = 0.35, 2.0  # range of face sizes looked for, relative to the faces of a neighbouring frame
THRESHOLDS = (0.6, 0.7, 0.8)  # of the confidence, for P-Net, R-Net and O-Net
OVERLAP_LEVEL, OVERLAP = 0.5, 0.7  # above it the less confident box is dropped: within one level, among all levels


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
        """Area of the box, in square pixels."""
        y0, x0, y1, x1 = self.box
        return (y1 - y0) * (x1 - x0)


@dataclasses.dataclass(frozen=True)
class Networks:
    """MTCNN's three networks; they take pixels as (value - 127.5) / 128; all arrays are float32.

    Attributes:
        pnet: (1, H, W, 3) -> box (1, h, w, 4), confidence (1, h, w, 2).
        rnet: (N, 24, 24, 3) -> box (N, 4), confidence (N, 2).
        onet: (N, 48, 48, 3) -> box (N, 4), points (N, 10), five x and five y, confidence (N, 2).
    """

    pnet: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    rnet: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
    onet: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray, np.ndarray]]


class FaceDetector:
    """MTCNN, loaded once and used for many frames.

    Frames are shrunk to a short side of 320 pixels (and a long side of at most 1280) before detection, so that time and
    memory do not depend on the size of the video. Faces smaller than a sixteenth of the frame are not found.

    Args:
        networks: the three networks of the cascade.
    """

    def __init__(self, networks: Networks) -> None:
        self._networks = networks

    def detect(self, rgb: np.ndarray, like: Sequence[Face] = ()) -> list[Face]:
        """Finds the faces of one frame.

        Args:
            rgb: uint8 (H, W, 3).
            like: faces of a neighbouring frame. If given, only faces from a third to twice their size are looked for,
                which takes half the time. Measured on 190 frames of ten real videos, three frames apart: every box was
                the same.

        Returns:
            The faces in pixels of `rgb`, the largest first; empty if there is none.
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
        sizes = [scale * max(face.box[2] - face.box[0], face.box[3] - face.box[1]) for face in like]
        within = (SMALLER * min(sizes), LARGER * max(sizes)) if sizes else (0.0, np.inf)

        boxes = self._propose(image, within)
        if len(boxes):
            box, confidence = self._networks.rnet(_patches(image, boxes, 24))
            boxes = _refined(boxes, box, confidence)[confidence[:, 1] > THRESHOLDS[1]]
            boxes = _square(boxes[_non_maximum_suppression(boxes, OVERLAP)])
        if not len(boxes):
            return []
        box, points, confidence = self._networks.onet(_patches(image, boxes, 48))
        confident = confidence[:, 1] > THRESHOLDS[2]
        points = _points_in_pixels(boxes, points)[confident]
        boxes = _refined(boxes, box, confidence)[confident]
        kept = _non_maximum_suppression(boxes, OVERLAP, of_smaller=True)
        boxes, points = boxes[kept], points[kept]
        boxes[:, [0, 2]] = np.clip(boxes[:, [0, 2]], 0, image.shape[1] - 1)
        boxes[:, [1, 3]] = np.clip(boxes[:, [1, 3]], 0, image.shape[0] - 1)
        faces = [
            Face(
                (float(y0) / scale, float(x0) / scale, float(y1) / scale, float(x1) / scale),
                (keypoints / scale).astype(np.float32),
                float(score),
            )
            for (x0, y0, x1, y1, score), keypoints in zip(boxes, points, strict=True)
        ]
        return sorted((face for face in faces if face.area > 0), key=lambda face: (-face.area, face.box))

    def _propose(self, image: np.ndarray, within: tuple[float, float]) -> np.ndarray:
        """Runs P-Net over the pyramid; returns square boxes, float64 (n, 5): x0, y0, x1, y1, confidence.

        `within` holds the smallest and largest size of face to look for, in pixels; other levels are left out.
        """
        height, width = image.shape[:2]
        levels = round(-(np.log(min(height, width) / CELL) / np.log(FACTOR) + 1))
        found = [np.empty((0, 5))]
        scales = CELL / SMALLEST_FACE * FACTOR ** np.arange(levels)
        for scale in scales[(CELL / scales >= within[0]) & (CELL / scales <= within[1])]:
            size = (int(width * scale), int(height * scale))
            level = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            shift, confidence = (output[0] for output in self._networks.pnet(level[None]))
            confidence = confidence[..., 1]
            rows, columns = np.nonzero(confidence > THRESHOLDS[0])
            corner = np.stack([columns, rows], axis=1) * STRIDE
            boxes = np.concatenate([corner + 1, corner + CELL], axis=1) + shift[rows, columns] * (CELL - 1.0)
            boxes = np.column_stack([boxes / scale, confidence[rows, columns]])
            found.append(boxes[_non_maximum_suppression(boxes, OVERLAP_LEVEL)])
        boxes = np.concatenate(found)
        return _square(boxes[_non_maximum_suppression(boxes, OVERLAP)])


def _refined(boxes: np.ndarray, shift: np.ndarray, confidence: np.ndarray) -> np.ndarray:
    """Boxes (n, 5) moved by a network's `shift` (n, 4) in fractions of their sides, with the network's confidence."""
    sizes = boxes[:, 2:4] - boxes[:, 0:2] + 1
    return np.column_stack([boxes[:, :4] + shift * np.tile(sizes, 2), confidence[:, 1]])


def _points_in_pixels(boxes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """O-Net's points (n, 10), in fractions of the boxes' sides, as (n, 5, 2): x and y in pixels."""
    sizes = boxes[:, 2:4] - boxes[:, 0:2] + 1
    return sizes[:, None] * points.reshape(-1, 2, len(KEYPOINTS)).transpose(0, 2, 1) + boxes[:, None, 0:2] - 1


def _patches(image: np.ndarray, boxes: np.ndarray, side: int) -> np.ndarray:
    """The image inside each box, resized bilinearly to float32 (n, side, side, 3); outside of the image it is 0."""
    height, width = image.shape[:2]

    def samples(start: np.ndarray, end: np.ndarray, length: int) -> tuple[np.ndarray, ...]:
        # As in tf.image.crop_and_resize: corners are fractions of the length, and 1 is the centre of the last pixel.
        first, last = ((edge / length).astype(np.float32) * np.float32(length - 1) for edge in (start, end))
        position = first[:, None] + np.arange(side, dtype=np.float32) * ((last - first) / np.float32(side - 1))[:, None]
        inside = (position >= 0) & (position <= length - 1)
        position = np.clip(position, 0, length - 1)
        below = np.floor(position).astype(int)
        return below, np.minimum(below + 1, length - 1), (position - below).astype(np.float32), inside

    top, bottom, down, rows = samples(boxes[:, 1], boxes[:, 3], height)
    left, right, along, columns = samples(boxes[:, 0], boxes[:, 2], width)

    def across(y: np.ndarray) -> np.ndarray:
        first, second = image[y[:, :, None], left[:, None]], image[y[:, :, None], right[:, None]]
        return first + (second - first) * along[:, None, :, None]

    upper, lower = across(top), across(bottom)
    patches = upper + (lower - upper) * down[:, :, None, None]
    return patches * (rows[:, :, None] & columns[:, None, :])[..., None]


def _non_maximum_suppression(boxes: np.ndarray, overlap: float, of_smaller: bool = False) -> np.ndarray:
    """Indices of the boxes (n, 5) that overlap with no more confident box by more than `overlap`; best first.

    Overlap is the intersection divided by the union, or with `of_smaller` by the smaller box.
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
