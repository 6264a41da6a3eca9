"""How much nearer AFSR brings a face to its target: the gain in PSNR and SSIM over the untouched input."""

from __future__ import annotations

import tensorflow as tf

GAINS = ("restoration_gain_db", "restoration_gain_inside_db", "restoration_gain_outside_db", "restoration_gain_ssim")
LEAST = 1e-3  # squared grey levels: an error below counts as this, so that a perfect restoration has a finite gain


def restoration_gains(
    frame: tf.Tensor,
    reconstruction: tf.Tensor,
    target: tf.Tensor,
    mask: tf.Tensor,
    target_known: tf.Tensor,
    mask_known: tf.Tensor,
) -> dict[str, tuple[tf.Tensor, tf.Tensor]]:
    """The gains of each face; the gain in dB is PSNR(I^h, I^r) - PSNR(I^h, I^l) = 10 log10(MSE(I^l) / MSE(I^r)).

    A face whose input equals its target has no gain to make and does not count: at the best compression all of them.

    Args:
        frame: I^l, (B, S, S, 3) in [0, 255].
        reconstruction: I^r, (B, S, S, 3), -1 is black and 1 white; values beyond are clipped, as in a picture.
        target: I^h, (B, S, S, 3) in [0, 255].
        mask: (B, S, S, 1), 255 where manipulated.
        target_known, mask_known: (B,), 1 where target or mask are known.

    Returns:
        Name of the gain, one of `GAINS` -> (values, weights), float32 (B,) each: the weight is 1 for a face that counts
        and else 0. `inside` is measured where the mask is set, `outside` elsewhere.
    """
    low, high = tf.cast(frame, tf.float32), tf.cast(target, tf.float32)
    restored = (tf.clip_by_value(reconstruction, -1.0, 1.0) + 1.0) * 127.5
    inside = tf.cast(tf.cast(mask, tf.int32) > 127, tf.float32)
    before, after = (tf.reduce_mean(tf.square(high - image), axis=3, keepdims=True) for image in (low, restored))
    known = tf.cast(target_known, tf.float32)
    known *= tf.cast(tf.reduce_max(before, axis=(1, 2, 3)) > 0, tf.float32)
    both_known = known * tf.cast(mask_known, tf.float32)
    gains = {}
    for name, where, counts in (
        ("restoration_gain_db", tf.ones_like(inside), known),
        ("restoration_gain_inside_db", inside, both_known),
        ("restoration_gain_outside_db", 1.0 - inside, both_known),
    ):
        pixels = tf.reduce_sum(where, axis=(1, 2, 3))
        errors = [
            tf.maximum(tf.reduce_sum(error * where, axis=(1, 2, 3)) / tf.maximum(pixels, 1.0), LEAST)
            for error in (before, after)
        ]
        gains[name] = (
            10.0 / tf.math.log(10.0) * tf.math.log(errors[0] / errors[1]),
            counts * tf.cast(pixels > 0, tf.float32),
        )
    similarity = tf.image.ssim(high, restored, 255.0) - tf.image.ssim(high, low, 255.0)
    gains["restoration_gain_ssim"] = similarity, known
    return gains
