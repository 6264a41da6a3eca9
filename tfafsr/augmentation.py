"""Horizontal flips of whole examples (images, masks and key points together): the only augmentation in training."""

from __future__ import annotations

import tensorflow as tf

from tfafsr.layers import ErrorLevelAnalysis

IMAGES = ("frame", "target", "mask")
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
            ela = ErrorLevelAnalysis(quality=ela_quality)(mirrored["frame"][None])[0]
            mirrored["ela"] = tf.cast(tf.round(ela), fields["ela"].dtype)
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
