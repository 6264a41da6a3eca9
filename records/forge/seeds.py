"""Random numbers that depend on a name alone, not on the order or the process in which they are drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(*parts: int | str) -> np.random.Generator:
    """A random generator with a name, for example `generator(seed, "motion", "007")`.

    Equal names give equal numbers, different names give independent numbers.
    """
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "little"))


def smooth_path(rng: np.random.Generator, frames: int, amplitude: float) -> np.ndarray:
    """A smooth random curve over the frames of a clip, within [-amplitude, amplitude]: float32 (frames,).

    It is the sum of two sinusoids with random frequency (0.4 to 1.4 cycles in the clip) and phase.
    """
    time = (np.arange(frames) + 0.5) / frames
    cycles, phases = rng.uniform(0.4, 1.4, 2), rng.uniform(0, 2 * np.pi, 2)
    weights = rng.dirichlet((2.0, 1.0))
    waves = np.sin(2 * np.pi * cycles[:, None] * time + phases[:, None])
    return (amplitude * (weights @ waves)).astype(np.float32)
