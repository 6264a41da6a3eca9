"""Exposure, white balance and sensor noise of a camera, equal in real and manipulated clips."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from records.forge.seeds import generator, smooth_path


@dataclass(frozen=True)
class Camera:
    """The camera of one identity's clip; `light` is applied before a manipulation, `expose` after it.

    Attributes:
        seed, identity: they decide the random numbers.
        balance: float32 (3,), gain of each channel.
        gamma: exponent of the tone curve.
        flicker: float32 (frames,), gain of each frame.
        read_noise, shot_noise: standard deviation of the noise in grey levels at black, and its increase at white.
        grain: blur of the noise in pixels, because demosaicing makes the noise of neighbouring pixels similar.
    """

    seed: int
    identity: str
    balance: np.ndarray
    gamma: float
    flicker: np.ndarray
    read_noise: float
    shot_noise: float
    grain: float

    @classmethod
    def of(cls, seed: int, identity: str, frames: int) -> Camera:
        """The camera of the clip of `identity`."""
        rng = generator(seed, "camera", identity)
        return cls(
            seed,
            identity,
            balance=(rng.uniform(0.90, 1.06) * (1 + rng.uniform(-0.035, 0.035, 3))).astype(np.float32),
            gamma=rng.uniform(0.92, 1.08),
            flicker=1 + smooth_path(rng, frames, 0.012),
            read_noise=rng.uniform(0.8, 2.0),
            shot_noise=rng.uniform(0.5, 2.0),
            grain=rng.uniform(0.3, 0.65),
        )

    def light(self, image: np.ndarray, frame: int) -> np.ndarray:
        """Applies exposure and white balance to frame number `frame`; float32 in [0, 255], input and output."""
        toned = 255 * (image / 255) ** self.gamma
        return np.clip(toned * (self.balance * self.flicker[frame]), 0, 255).astype(np.float32)

    def expose(self, image: np.ndarray, frame: int) -> np.ndarray:
        """Adds sensor noise, which depends on seed, identity and `frame` alone, and rounds to uint8."""
        rng = generator(self.seed, "sensor", self.identity, frame)
        noise = cv2.GaussianBlur(rng.standard_normal(image.shape, dtype=np.float32), (0, 0), self.grain)
        noise /= noise.std()
        sigma = self.read_noise + self.shot_noise * np.sqrt(np.clip(image, 0, 255) / 255)
        return np.clip(np.rint(image + sigma * noise), 0, 255).astype(np.uint8)
