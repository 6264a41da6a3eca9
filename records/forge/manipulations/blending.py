"""Operations that the methods share: matching and shifting colours, relighting, and restoring fine detail."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

SCALES = (0.7, 1.4, 2.8, 5.6, 11.2)
"""Standard deviations of the blurs, in pixels; detail is matched in the bands between two of them."""
MIN_SURVIVING = 6.0
"""Grey levels; weaker detail is lost at c40."""
MIN_GAIN, MAX_GAIN = 0.7, 1.4
MOST_GRAIN = 1.0
"""Standard deviation of the grain in grey levels, at most: more looks like freckles."""


def match_colour(face: np.ndarray, like: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`face` with each channel's mean and spread changed to those of `like` inside `mask`: float32 (h, w, 3)."""
    weight = mask / max(float(mask.sum()), 1e-6)
    mean, mean_like = np.einsum("hw,hwc->c", weight, face), np.einsum("hw,hwc->c", weight, like)
    spread = np.sqrt(np.einsum("hw,hwc->c", weight, (face - mean) ** 2) + 1.0)
    spread_like = np.sqrt(np.einsum("hw,hwc->c", weight, (like - mean_like) ** 2) + 1.0)
    return (face - mean) * np.clip(spread_like / spread, 0.5, 1.6) + mean_like


def skin_shift(rng: np.random.Generator, strength: float) -> np.ndarray:
    """A random shift in the directions in which light and skin differ, brightness and warmth: float32 (3,).

    Its standard deviation is at most 2.5 grey levels in brightness and 2 in warmth, at strength 1.
    """
    brightness, warmth = strength * rng.normal(0, (2.5, 2.0))
    return np.array((brightness + warmth, brightness, brightness - warmth), np.float32)


def match_shading(face: np.ndarray, like: np.ndarray, mask: np.ndarray, reach: float, share: float) -> np.ndarray:
    """`face` with the broad light and shade of `like`: float32 (h, w, 3).

    Args:
        face, like: float32 (h, w, 3).
        mask: float32 (h, w); only pixels inside count, so that hair and background do not shade the face.
        reach: standard deviation in pixels of the blur that takes broad shading from fine detail.
        share: 0 keeps the shading of `face`, 1 takes that of `like`.
    """
    weight = broad(mask, reach) + 1e-3
    return face + share * broad(mask[..., None] * (like - face), reach) / weight[..., None]


def broad(image: np.ndarray, reach: float) -> np.ndarray:
    """`image` after a Gaussian blur of `reach` pixels, which is run on a smaller copy: float32 of the same shape."""
    height, width = image.shape[:2]
    factor = max(1, round(reach / 3))
    small = (max(2, width // factor), max(2, height // factor))
    reduced = cv2.resize(image, small, interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(reduced, (0, 0), reach * small[0] / width, sigmaY=reach * small[1] / height)
    return cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR)


def poisson(face: np.ndarray, into: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """`face` with its gradients kept and its border fitted to `into` (Perez et al. 2003): float32 (h, w, 3).

    The border is that of the region where `mask` is above a half. A region that touches the picture's edge, or is too
    small, is left as it is.
    """
    inside = np.where(mask > 0.5, 255, 0).astype(np.uint8)
    inside[[0, 1, -2, -1]] = inside[:, [0, 1, -2, -1]] = 0
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if len(rows) < 8 or len(columns) < 8:
        return face
    centre = (int(columns[0] + columns[-1] + 1) // 2, int(rows[0] + rows[-1] + 1) // 2)
    source, base = (np.clip(np.rint(image), 0, 255).astype(np.uint8) for image in (face, into))
    # The function changes its mask.
    fitted = cv2.seamlessClone(source, base, inside.copy(), centre, cv2.NORMAL_CLONE).astype(np.float32)
    change = cv2.GaussianBlur(fitted - source, (0, 0), 1.0)  # smooth, so that rounding adds no noise
    return np.where(inside[..., None] > 0, face + change, face)


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
    bands = zip(_bands(face), _bands(_brightness(like)), _bands(grain), strict=True)
    for band, wanted, filling in bands:
        light, wanted = _brightness(band)[inside], factor * wanted[inside]
        gain = _gain(light, wanted)
        change = (gain - 1) * band
        missing = float(np.mean(wanted**2)) - gain**2 * float(np.mean(light**2))
        if missing > 0:
            change += (min(np.sqrt(missing), MOST_GRAIN) / max(float(filling.std()), 1e-6) * filling)[..., None]
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
