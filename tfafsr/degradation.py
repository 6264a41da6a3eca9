"""Degrades faces: at random while they are read for training, and to a given size for evaluation.

Faces are shrunk and enlarged again, blurred, and compressed (JPEG); the target stays as it is. So AFSR learns
super-resolution proper, and TFE sees faces of many qualities.
"""

from __future__ import annotations

import tensorflow as tf

from tfafsr.layers import error_images

KERNELS = ("bilinear", "bicubic", "area", "lanczos3", "gaussian")  # of shrinking; back again is bicubic
LARGEST = 6.0  # the face is shrunk to a sixth of its side, at most
BLURRED, COMPRESSED = 0.3, 0.5  # shares of the degraded faces that are also blurred, and compressed again
BLUR = (0.3, 1.5)  # standard deviation in pixels, from and to
QUALITY = (30, 95)  # of JPEG, from and to


def degrade(frame: tf.Tensor, factor: tf.Tensor, kernel: tf.Tensor, sigma: tf.Tensor, quality: tf.Tensor) -> tf.Tensor:
    """Blurs a face, shrinks it and enlarges it again, and compresses it.

    Args:
        frame: uint8 (S, S, 3).
        factor: float32 scalar, at least 1: the side becomes round(S / factor) and then S again.
        kernel: int32 scalar, index of `KERNELS`: how the face is shrunk.
        sigma: float32 scalar: standard deviation of a Gaussian blur in pixels; 0 for none.
        quality: int32 scalar: JPEG quality in [1, 100]; 0 for none.

    Returns:
        uint8 (S, S, 3).
    """
    size = frame.shape[0]
    image = tf.cast(frame, tf.float32)
    image = tf.cond(sigma > 0, lambda: blurred(image, sigma), lambda: image)
    small = tf.cast(tf.round(tf.cast(size, tf.float32) / factor), tf.int32)
    shrink = [
        lambda method=method: tf.image.resize(image, (small, small), method=method, antialias=True)
        for method in KERNELS
    ]
    image = tf.cond(
        small < size,
        lambda: tf.image.resize(tf.switch_case(kernel, shrink), (size, size), method="bicubic"),
        lambda: image,
    )
    image = tf.cast(tf.clip_by_value(tf.round(image), 0.0, 255.0), tf.uint8)
    image = tf.cond(quality > 0, lambda: tf.image.adjust_jpeg_quality(image, quality), lambda: image)
    return tf.ensure_shape(image, frame.shape)


def random_degradation(
    fields: dict[str, tf.Tensor], seed: tf.Tensor, share: float = 0.5, ela_quality: int = 90
) -> dict[str, tf.Tensor]:
    """Degrades the frame of one example with the probability `share`; how depends on `seed` alone.

    The factor of the size is drawn from [1, 6], its logarithm evenly.

    Args:
        fields: one example with at least `frame`, as the records give it; its `ela` is computed again.
        seed: int64 (2,); the same seed gives the same result on one machine.
        share: probability of a degradation, in [0, 1].
        ela_quality: JPEG quality of the records' error images.
    """
    chances = tf.random.stateless_uniform([7], seed)

    def degraded() -> dict[str, tf.Tensor]:
        frame = degrade(
            fields["frame"],
            factor=LARGEST ** chances[1],
            kernel=tf.cast(chances[2] * len(KERNELS), tf.int32),
            sigma=tf.where(chances[3] < BLURRED, BLUR[0] + (BLUR[1] - BLUR[0]) * chances[4], 0.0),
            quality=tf.where(
                chances[5] < COMPRESSED, QUALITY[0] + tf.cast((QUALITY[1] - QUALITY[0]) * chances[6], tf.int32), 0
            ),
        )
        changed = {**fields, "frame": frame}
        if "ela" in fields:
            changed["ela"] = error_images(frame[None], ela_quality)[0]
        return changed

    return tf.cond(chances[0] < share, degraded, lambda: dict(fields))


def at_side(fields: dict[str, tf.Tensor], side: int, ela_quality: int = 90) -> dict[str, tf.Tensor]:
    """Shrinks the frames of a batch to `side` pixels (mean of the area) and enlarges them again (bicubic).

    Args:
        fields: a batch with at least `frame`, uint8 (B, S, S, 3), as the records give it; its `ela` is computed again.
        side: side in pixels, from 1 to S; at S nothing changes.
        ela_quality: JPEG quality of the records' error images.

    Returns:
        The same fields with the same shapes and dtypes.

    Raises:
        ValueError: the side is larger than that of the frames, or below 1.
    """
    size = fields["frame"].shape[1]
    if not 1 <= side <= size:
        raise ValueError(f"side must be in [1, {size}], the side of the frames; received {side}.")
    if side == size:
        return dict(fields)
    small = tf.image.resize(tf.cast(fields["frame"], tf.float32), (side, side), method="area")
    frame = tf.round(tf.image.resize(small, (size, size), method="bicubic"))
    changed = {**fields, "frame": tf.cast(tf.clip_by_value(frame, 0.0, 255.0), tf.uint8)}
    if "ela" in fields:
        changed["ela"] = error_images(changed["frame"], ela_quality)
    return changed


def blurred(image: tf.Tensor, sigma: tf.Tensor) -> tf.Tensor:
    """A Gaussian blur; beyond the border the image is mirrored."""
    radius = 4
    offsets = tf.range(-radius, radius + 1, dtype=tf.float32)
    weights = tf.exp(-0.5 * tf.square(offsets / sigma))
    weights = tf.tile((weights / tf.reduce_sum(weights))[:, None, None, None], (1, 1, 3, 1))  # (9, 1, 3, 1)
    padded = tf.pad(image[None], ((0, 0), (radius, radius), (radius, radius), (0, 0)), "REFLECT")
    rows = tf.nn.depthwise_conv2d(padded, weights, (1, 1, 1, 1), "VALID")
    return tf.nn.depthwise_conv2d(rows, tf.transpose(weights, (1, 0, 2, 3)), (1, 1, 1, 1), "VALID")[0]
