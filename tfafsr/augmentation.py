"""Random changes of whole examples in training: frame, target, mask and key points change together.

A flip mirrors the face. A jitter changes its colours, enlarges a part of it, and covers a rectangle. All of it happens
to real and manipulated faces alike.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from tfafsr.layers import error_images

IMAGES = ("frame", "target", "mask")
COLOURED = ("frame", "target")
BRIGHTNESS, CONTRAST, CHANNEL = (
    25.0,
    (0.75, 1.3),
    0.1,
)  # at most so many levels; factors from and to; 1 +- for a channel
SMALLEST_CROP = 0.85  # share of the side
COVER = (0.1, 0.3)  # sides of a covered rectangle, as shares of the face's side
MIRRORED = [1, 0, 2, 4, 3]  # left eye <-> right eye, nose, mouth left <-> mouth right (left is the viewer's)


def flip(fields: dict[str, tf.Tensor], flipped: tf.Tensor, ela_quality: int = 90) -> dict[str, tf.Tensor]:
    """Mirrors one example left to right where `flipped` is true; works eagerly and inside tf.data.

    Frame, target, mask and key points are mirrored, and the left and right key points swap places. The error image is
    computed again from the mirrored frame: JPEG's grid of 8x8 blocks starts at the left, so the error image of a
    mirrored frame is not the mirrored error image.

    Args:
        fields: one example, with the records' field names: frame, target and ela uint8 (S, S, 3), mask uint8 (S, S, 1),
            keypoints float32 (5, 2) in [0, 1]. Any may be missing (but `ela` needs `frame`); other fields are not
            changed.
        flipped: bool scalar.
        ela_quality: JPEG quality of the records' error images.

    Returns:
        The same fields with the same shapes and dtypes.

    Raises:
        ValueError: `ela` without `frame`.
    """
    if "ela" in fields and "frame" not in fields:
        raise ValueError(
            f"The error image of a mirrored face needs its frame; received only {', '.join(sorted(fields))}."
        )

    def mirror() -> dict[str, tf.Tensor]:
        mirrored = dict(fields)
        for name in IMAGES:
            if name in fields:
                mirrored[name] = fields[name][:, ::-1]
        if "keypoints" in fields:
            x, y = tf.unstack(tf.gather(fields["keypoints"], MIRRORED), axis=1)
            mirrored["keypoints"] = tf.stack([1 - x, y], axis=1)
        if "ela" in fields:
            mirrored["ela"] = error_images(mirrored["frame"][None], ela_quality)[0]
        return mirrored

    return tf.cond(tf.convert_to_tensor(flipped), mirror, lambda: dict(fields))


def random_flip(fields: dict[str, tf.Tensor], seed: tf.Tensor, ela_quality: int = 90) -> dict[str, tf.Tensor]:
    """Flips one example with probability 0.5; the choice depends on `seed` alone.

    Args:
        fields: as `flip` takes them.
        seed: int64 (2,); the same seed gives the same choice, on any machine.
        ela_quality: JPEG quality of the records' error images.
    """
    return flip(fields, tf.random.stateless_uniform([], seed) < 0.5, ela_quality)


def recolour(fields: dict[str, tf.Tensor], contrast: tf.Tensor, brightness: tf.Tensor, channels: tf.Tensor) -> dict:
    """Changes contrast, brightness and colour balance of frame and target by the same numbers.

    v -> round((v - 127.5) * contrast * channels + 127.5 + brightness), clipped to [0, 255].

    Args:
        fields: one example, as `flip` takes it, without `ela`.
        contrast: float32 scalar; 1 for none.
        brightness: float32 scalar in levels; 0 for none.
        channels: float32 (3,), factors of red, green and blue; 1 for none.
    """

    def change(image: tf.Tensor) -> tf.Tensor:
        levels = (tf.cast(image, tf.float32) - 127.5) * contrast * channels + 127.5 + brightness
        return tf.cast(tf.clip_by_value(tf.round(levels), 0.0, 255.0), tf.uint8)

    return {name: change(value) if name in COLOURED else value for name, value in fields.items()}


def crop(fields: dict[str, tf.Tensor], side: tf.Tensor, top: tf.Tensor, left: tf.Tensor) -> dict[str, tf.Tensor]:
    """Cuts a square out of frame, target and mask and enlarges it to the old size (bicubic; the mask: nearest).

    Key points that lie outside of the square are moved to its border.

    Args:
        fields: one example, as `flip` takes it, without `ela`.
        side: int32 scalar, side of the square in pixels.
        top, left: int32 scalars, its upper left corner.
    """
    size = fields["frame"].shape[0]

    def cut(image: tf.Tensor, method: str) -> tf.Tensor:
        part = tf.cast(image[top : top + side, left : left + side], tf.float32)
        part = tf.image.resize(part, (size, size), method=method)
        return tf.ensure_shape(tf.cast(tf.clip_by_value(tf.round(part), 0.0, 255.0), tf.uint8), image.shape)

    cropped = {
        name: cut(value, "nearest" if name == "mask" else "bicubic") if name in IMAGES else value
        for name, value in fields.items()
    }
    if "keypoints" in fields:
        corner = tf.cast(tf.stack([left, top]), tf.float32)
        moved = (fields["keypoints"] * float(size) - corner) / tf.cast(side, tf.float32)
        cropped["keypoints"] = tf.clip_by_value(moved, 0.0, 1.0)
    return cropped


def cover(fields: dict[str, tf.Tensor], box: tf.Tensor, colour: tf.Tensor) -> dict[str, tf.Tensor]:
    """Paints a rectangle over frame and target; there the mask becomes 0, because nothing manipulated is seen.

    Args:
        fields: one example, as `flip` takes it, without `ela`.
        box: int32 (4,): top, left, bottom, right in pixels; bottom and right are the first pixels outside.
        colour: uint8 (3,).
    """
    size = fields["frame"].shape[0]
    rows, columns = tf.range(size)[:, None, None], tf.range(size)[None, :, None]
    inside = (rows >= box[0]) & (rows < box[2]) & (columns >= box[1]) & (columns < box[3])  # (S, S, 1)
    paint: dict[str, Callable[[], tf.Tensor]] = {name: lambda: colour for name in COLOURED}
    paint["mask"] = lambda: tf.zeros((1,), tf.uint8)
    return {name: tf.where(inside, paint[name](), value) if name in paint else value for name, value in fields.items()}


def random_jitter(fields: dict[str, tf.Tensor], seed: tf.Tensor, ela_quality: int = 90) -> dict[str, tf.Tensor]:
    """With probability 0.5 each: other colours, a crop of at least 85% of the side, a covered rectangle.

    Args:
        fields: one example with at least `frame`, as `flip` takes it; its `ela` is computed again.
        seed: int64 (2,); the same seed gives the same result on one machine.
        ela_quality: JPEG quality of the records' error images.
    """
    chances = tf.random.stateless_uniform([15], seed)
    size = fields["frame"].shape[0]
    images = {name: value for name, value in fields.items() if name != "ela"}
    low, high = CONTRAST
    images = tf.cond(
        chances[0] < 0.5,
        lambda: recolour(
            images,
            low + (high - low) * chances[1],
            BRIGHTNESS * (2 * chances[2] - 1),
            1 + CHANNEL * (2 * chances[3:6] - 1),
        ),
        lambda: dict(images),
    )
    side = tf.cast(tf.round(size * (SMALLEST_CROP + (1 - SMALLEST_CROP) * chances[7])), tf.int32)
    room = tf.cast(size - side + 1, tf.float32)
    top, left = (tf.cast(chance * room, tf.int32) for chance in (chances[8], chances[9]))
    images = tf.cond(chances[6] < 0.5, lambda: crop(images, side, top, left), lambda: dict(images))
    sides = COVER[0] + (COVER[1] - COVER[0]) * chances[11:13]
    corner = chances[13:15] * (1 - sides)
    box = tf.cast(size * tf.concat([corner, corner + sides], 0), tf.int32)
    shade = tf.cast(256 * tf.random.stateless_uniform([3], seed + 1), tf.uint8)
    images = tf.cond(chances[10] < 0.5, lambda: cover(images, box, shade), lambda: dict(images))
    if "ela" in fields:
        images["ela"] = tf.cond(
            tf.reduce_any(tf.gather(chances, (0, 6, 10)) < 0.5),
            lambda: error_images(images["frame"][None], ela_quality)[0],
            lambda: fields["ela"],
        )
    return {name: images[name] for name in fields}
