"""Operations that the methods share: matching and shifting colours, relighting, and restoring fine detail."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

SCALES = (0.7, 1.4, 2.8, 5.6, 11.2)
"""Standard deviations of the blurs, in pixels; detail is matched in the bands between two of them."""
BAND_SHARES = (1.15, 1.1, 1.0, 0.75, 0.7)
"""Detail wanted in each band, relative to the untouched face. More in the fine bands makes up for detail that blending
loses in compression; less in the broad bands saves the bits that new outlines and slopes cost. The values were found
by trial: with them neither the bit rate nor the sharpness tells a forgery at c40."""
MIN_SURVIVING = 6.0
"""Grey levels; weaker detail is lost at c40."""
MIN_GAIN, MAX_GAIN = 0.6, 2.5


def match_colour(face: np.ndarray, like: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`face` with each channel's mean and spread changed to those of `like` inside `mask`: float32 (h, w, 3)."""
    weight = mask / max(float(mask.sum()), 1e-6)
    mean, mean_like = np.einsum("hw,hwc->c", weight, face), np.einsum("hw,hwc->c", weight, like)
    spread = np.sqrt(np.einsum("hw,hwc->c", weight, (face - mean) ** 2) + 1.0)
    spread_like = np.sqrt(np.einsum("hw,hwc->c", weight, (like - mean_like) ** 2) + 1.0)
    return (face - mean) * np.clip(spread_like / spread, 0.5, 1.6) + mean_like


def colour_shift(rng: np.random.Generator, low: float, high: float) -> np.ndarray:
    """A random shift of colour, mostly of hue, with a length of `low` to `high` grey levels: float32 (3,)."""
    shift = rng.normal(0, 1, 3)
    shift -= 0.6 * shift.mean()
    return (shift / np.linalg.norm(shift) * rng.uniform(low, high)).astype(np.float32)


def relight(face: np.ndarray, u: np.ndarray, v: np.ndarray, angle: float, strength: float) -> np.ndarray:
    """Lights `face` from direction `angle` (radians, in the image plane); `strength` is the slope of log brightness."""
    slope = np.cos(angle) * u + np.sin(angle) * v
    return face * np.exp(strength * np.clip(slope, -1.2, 1.2))[..., None]


def match_detail(face: np.ndarray, like: np.ndarray, mask: np.ndarray, factor: float, grain: np.ndarray) -> np.ndarray:
    """Gives the manipulated part of `face`, in each band, as much fine detail as the untouched `like` has there.

    Smoothing and blending remove detail, and the sharpness of the face or the bit rate of the video alone would then
    tell a forgery. In each band, detail that is strong enough to survive compression is amplified to its strength in
    `like`; missing weak detail is replaced by grain of the same scale.

    Args:
        face: float32 (h, w, 3), the image after blending.
        like: float32 (h, w, 3), the untouched image.
        mask: float32 (h, w), opacity of the manipulation.
        factor: detail wanted, relative to that of `like`.
        grain: float32 (h, w), white noise.
    """
    weight = cv2.GaussianBlur(np.clip(mask * 3, 0, 1), (0, 0), 1.0)
    weight *= mask > 0
    inside = weight > 0.5
    result = face
    bands = zip(_bands(face), _bands(_brightness(like)), _bands(grain), BAND_SHARES, strict=True)
    for band, wanted, filling, share in bands:
        light, wanted = _brightness(band)[inside], factor * share * wanted[inside]
        gain = _gain(light, wanted)
        change = (gain - 1) * band
        missing = float(np.mean(wanted**2)) - gain**2 * float(np.mean(light**2))
        if missing > 0:
            change += (np.sqrt(missing) / max(float(filling.std()), 1e-6) * filling)[..., None]
        result = result + weight[..., None] * change
    return result


def _gain(band: np.ndarray, wanted: np.ndarray) -> float:
    """The gain that gives `band` as much energy above MIN_SURVIVING as `wanted` has, found by bisection."""

    def surviving(values: np.ndarray) -> float:
        return float(np.square(np.maximum(np.abs(values) - MIN_SURVIVING, 0)).sum())

    goal, low, high = surviving(wanted), MIN_GAIN, MAX_GAIN
    for _ in range(7):
        middle = np.sqrt(low * high)
        low, high = (middle, high) if surviving(middle * band) < goal else (low, middle)
    return float(np.sqrt(low * high))


def _brightness(image: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(image.astype(np.float32), cv2.COLOR_RGB2GRAY)


def _bands(image: np.ndarray) -> list[np.ndarray]:
    """Differences between blurs of neighbouring `SCALES`; the first is between the image and its first blur."""
    levels = [image, *(cv2.GaussianBlur(image, (0, 0), scale) for scale in SCALES)]
    return [finer - coarser for finer, coarser in itertools.pairwise(levels)]
