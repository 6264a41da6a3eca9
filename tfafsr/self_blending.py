"""Self-blended faces: fakes made from real faces while they are read for training (Shiohara and Yamasaki, CVPR 2022).

A copy of the face is moved, recoloured and made softer or sharper, and blended back into the face through a soft,
distorted oval around its key points. The only traces are those of blending, which all face swaps have in common; and no
two of these fakes are alike. The real face and its fake go into the same batch.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from tfafsr.degradation import blurred
from tfafsr.layers import error_images

OPACITIES = (0.4, 0.6, 0.8, 1.0, 1.0, 1.0)
WAVES = 5  # sinusoids that distort the outline of the oval
LOWER_FACE = 0.2  # share of the blends that replace the lower face only
STILL = 0.15  # share of the copies that are not moved
RECOLOURED = 0.75  # share of the copies that are recoloured
ZOOM, TURN, MOVE = 0.05, 0.06, 0.03  # of the copy, at most: share of its size, radians, share of the face's side
MASKED = 0.3  # opacity from which a pixel belongs to the mask


def self_blend(fields: dict[str, tf.Tensor], seed: tf.Tensor, ela_quality: int = 90) -> dict[str, tf.Tensor]:
    """A fake made from one real example; how depends on `seed` alone.

    Frame and target are changed alike, so that the target is the fake at its best quality.

    Args:
        fields: one real example with `frame`, `keypoints` and `label`, as the records give it; `target`, `mask` and
            `ela` are changed, too, if they are there. Other fields are not changed.
        seed: int64 (2,); the same seed gives the same fake on one machine.
        ela_quality: JPEG quality of the records' error images.

    Returns:
        The same fields with the same shapes and dtypes: `label` is 1, and `mask` is 255 where the opacity of the copy
        is above 0.3.
    """
    chances = Chances(seed)
    size = fields["frame"].shape[0]
    alpha = oval(fields["keypoints"] * float(size), size, chances)
    return changed_inside(fields, alpha, _Change(alpha, chances), ela_quality)


def changed_inside(
    fields: dict[str, tf.Tensor], alpha: tf.Tensor, change: Callable[[tf.Tensor], tf.Tensor], ela_quality: int = 90
) -> dict[str, tf.Tensor]:
    """A fake: one real example whose images are changed where `alpha` is above 0.

    Args:
        fields, ela_quality: as in `self_blend`; frame and target are changed alike.
        alpha: float32 (S, S, 1) in [0, 1], the opacity of what is new.
        change: uint8 (S, S, 3) -> the same, changed.

    Returns:
        As `self_blend`.
    """
    blended = {name: change(fields[name]) for name in ("frame", "target") if name in fields}
    if "mask" in fields:
        blended["mask"] = tf.where(alpha > MASKED, tf.constant(255, tf.uint8), tf.constant(0, tf.uint8))
    if "ela" in fields:
        blended["ela"] = error_images(blended["frame"][None], ela_quality)[0]
    blended["label"] = tf.ones_like(fields["label"])
    return {**fields, **blended}


class Chances:
    """Random numbers of one blend, each from a seed of its own."""

    def __init__(self, seed: tf.Tensor) -> None:
        self.seed, self.drawn = seed, 0

    def between(self, low: float, high: float, *shape: int) -> tf.Tensor:
        """Uniform in [low, high)."""
        self.drawn += 1
        seed = self.seed + tf.constant((self.drawn << 40, 0), tf.int64)
        return tf.random.stateless_uniform(shape, seed, low, high)


def oval(points: tf.Tensor, size: int, chances: Chances) -> tf.Tensor:
    """The opacity of the copy: float32 (S, S, 1) in [0, 1].

    Args:
        points: float32 (5, 2), the key points in pixels.
        size: S.
        chances: random numbers.
    """
    eyes, mouth = tf.reduce_mean(points[:2], 0), tf.reduce_mean(points[3:], 0)
    unit = tf.maximum(tf.norm(mouth - eyes), 4.0)  # from the eyes to the mouth
    down = (mouth - eyes) / unit
    centre = (eyes + mouth) / 2 + down * unit * chances.between(-0.15, 0.2)
    steps = tf.range(size, dtype=tf.float32)
    x, y = tf.meshgrid(steps - centre[0], steps - centre[1])
    along, across = x * down[0] + y * down[1], x * down[1] - y * down[0]
    angle = tf.atan2(along, across)
    amplitudes = chances.between(-0.12, 0.12, WAVES)
    phases = chances.between(0.0, 2 * np.pi, WAVES)
    waves = sum(amplitudes[k] * tf.sin((k + 1) * angle + phases[k]) for k in range(WAVES))
    wide, high = unit * chances.between(0.75, 1.35), unit * chances.between(0.8, 1.5)
    radius = tf.sqrt(tf.square(across / wide) + tf.square(along / high)) / (1 + waves)
    edge = tf.clip_by_value((1 - radius) / chances.between(0.05, 0.5), 0.0, 1.0)
    opacity = tf.gather(OPACITIES, tf.cast(chances.between(0, len(OPACITIES)), tf.int32))
    alpha = opacity * edge * edge * (3 - 2 * edge)
    lower = tf.sigmoid((along - unit * chances.between(0.0, 0.3)) / (0.12 * unit))
    return tf.where(chances.between(0, 1) < LOWER_FACE, alpha * lower, alpha)[..., None]


class _Change:
    """Blends a changed copy of an image into it; every image that it is called with is changed alike."""

    def __init__(self, alpha: tf.Tensor, chances: Chances) -> None:
        self.alpha = alpha
        size = float(alpha.shape[0])
        zoom, turn = 1 + chances.between(-ZOOM, ZOOM), chances.between(-TURN, TURN)
        move = size * chances.between(-MOVE, MOVE, 2)
        moved = chances.between(0, 1) >= STILL
        a, b = zoom * tf.cos(turn), zoom * tf.sin(turn)
        middle = (size - 1) / 2
        # Pixel (x, y) of the copy is taken from (a x - b y + c, b x + a y + f).
        c, f = middle - a * middle + b * middle + move[0], middle - b * middle - a * middle + move[1]
        matrix = tf.stack([a, -b, c, b, a, f, 0.0, 0.0])
        self.matrix = tf.where(moved, matrix, tf.constant([1.0, 0, 0, 0, 1, 0, 0, 0]))
        self.sharpness = tf.cast(chances.between(0, 4), tf.int32)
        self.sigma, self.amount = chances.between(0.3, 1.1), chances.between(-0.2, 0.8)
        self.small = tf.cast(size / chances.between(1.2, 2.6), tf.int32)
        self.recoloured = chances.between(0, 1) < RECOLOURED
        self.contrast = chances.between(0.85, 1.15)
        self.shift = chances.between(-14, 14) + chances.between(-7, 7, 3)

    def __call__(self, image: tf.Tensor) -> tf.Tensor:
        """uint8 (S, S, 3) -> the same."""
        whole = tf.cast(image, tf.float32)
        size = image.shape[0]
        copy = tf.raw_ops.ImageProjectiveTransformV3(
            images=whole[None],
            transforms=self.matrix[None],
            output_shape=(size, size),
            interpolation="BILINEAR",
            fill_mode="NEAREST",
            fill_value=0.0,
        )[0]
        copy = tf.switch_case(
            self.sharpness,
            [
                lambda: copy,
                lambda: blurred(copy, self.sigma),
                lambda: copy + self.amount * (copy - blurred(copy, self.sigma)),
                lambda: _resampled(copy, self.small),
            ],
        )
        mean = tf.reduce_sum(self.alpha * copy, (0, 1)) / tf.maximum(tf.reduce_sum(self.alpha), 1.0)
        copy = tf.where(self.recoloured, (copy - mean) * self.contrast + mean + self.shift, copy)
        return blended_over(image, copy, self.alpha)


def blended_over(image: tf.Tensor, copy: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """`copy` over `image`, uint8 (S, S, 3), with the opacity `alpha`; uint8."""
    whole = tf.cast(image, tf.float32)
    blended = tf.clip_by_value(tf.round(whole + alpha * (copy - whole)), 0.0, 255.0)
    return tf.ensure_shape(tf.cast(blended, tf.uint8), image.shape)


def _resampled(image: tf.Tensor, side: tf.Tensor) -> tf.Tensor:
    size = image.shape[0]
    small = tf.image.resize(image, (side, side), method="bilinear", antialias=True)
    return tf.image.resize(small, (size, size), method="bicubic")
