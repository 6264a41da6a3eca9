"""Cues, single numbers that may separate fake clips from real ones, and how well each does: AUC, interval, verdict."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from faces import CROP_SCALE, crop_box

REPLICATES = 2000
CONTRAST = (2.8, 11.2)
"""Standard deviations of the blurs of `face_contrast`, in pixels."""
FEWEST_COMPONENTS = 8
"""With fewer components of connected people a bootstrap interval is not reliable, and no verdict is given."""

CUES = {
    "sharpness_ratio": "Laplacian energy of the face against its surroundings (log)",
    "grid": "strength of an 8x8 grid around the face, at any offset",
    "bits_per_pixel": "bits of the video per pixel and frame",
    "file_size": "size of the file in bytes",
    "face_sharpness": "Laplacian energy of the face (log)",
    "face_contrast": "energy of the face between blurs of 2.8 and 11.2 pixels (log)",
}
"""Name of each cue -> what it measures."""


@dataclass(frozen=True)
class Region:
    """Where the face is in one frame of one identity: the same for the real clip and for all of its fakes.

    Attributes:
        face: bool (H, W), every pixel that any method manipulates.
        blank: bool (H, W), `face` and a margin: what the network that sees no face does not see.
        box: (y0, x0, y1, x1) in pixels around `face`.
    """

    face: np.ndarray
    blank: np.ndarray
    box: tuple[int, int, int, int]


def frame_cues(rgb: np.ndarray, region: Region) -> dict[str, float]:
    """The cues that are computed from a decoded frame.

    Args:
        rgb: uint8 (H, W, 3).
        region: where the face is.

    Returns:
        name -> value for `sharpness_ratio`, `grid`, `face_sharpness` and `face_contrast` (see `CUES`).
    """
    gray = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY).astype(np.float32)
    near = _around(region.box, 2.0, gray.shape)
    energy = np.square(cv2.Laplacian(gray, cv2.CV_32F))[near]
    face = region.face[near]
    inside = _log_mean(energy[face])
    return {
        "sharpness_ratio": inside - _log_mean(energy[~face]),
        "grid": grid_strength(gray[_around(region.box, CROP_SCALE, gray.shape)]),
        "face_sharpness": inside,
        "face_contrast": _log_mean(np.square(_contrast(gray))[near][face]),
    }


def _contrast(gray: np.ndarray) -> np.ndarray:
    """The band between two blurs that is left of the face at 64 to 100 pixels."""
    fine, broad = (cv2.GaussianBlur(gray, (0, 0), deviation) for deviation in CONTRAST)
    return fine - broad


def grid_strength(gray: np.ndarray, period: int = 8) -> float:
    """How much stronger the steps between pixels are on every `period`-th row and column; 1 without a grid.

    The step across each column border, minus the mean of the steps on both sides, is averaged over columns that are a
    multiple of `period` apart. The largest of these averages is divided by their median. Rows are treated in the same
    way, and the result is the mean of both. All offsets are tried, so a grid that moved with the picture is found.

    Args:
        gray: float32 (H, W) in [0, 255].
    """
    strengths = []
    for image in (gray, gray.T):
        steps = np.abs(np.diff(image, axis=1))
        excess = np.abs(2 * steps[:, 1:-1] - steps[:, :-2] - steps[:, 2:]).mean(axis=0)
        if len(excess) < 2 * period:
            raise ValueError(f"A face of {gray.shape[1]}x{gray.shape[0]} pixels is too small to look for a grid.")
        phases = np.arange(len(excess)) % period
        profile = np.bincount(phases, excess, period) / np.bincount(phases, minlength=period)
        strengths.append(profile.max() / max(float(np.median(profile)), 1e-6))
    return float(np.mean(strengths))


def judge(
    labels: np.ndarray, scores: np.ndarray, components: np.ndarray, seed: int = 0, limit: float | None = None
) -> dict[str, object]:
    """How well `scores` tell fake clips from real ones.

    Args:
        labels: (n,), 1 for fake, 0 for real.
        scores: (n,), finite.
        components: (n,), the component of connected people of each clip. Clips of one person are alike, and a fake
            shows two; so the interval is a bootstrap over components (`tfafsr.metrics.auc_interval`).
        seed: seed of the bootstrap.
        limit: the highest AUC that does not betray; None: the interval must contain 0.5.

    Returns:
        {"auc", "auc_ci95", "reals", "fakes", "components", "verdict"}. The AUC is below 0.5 when fakes score lower. The
        verdict is `betrays` when the interval excludes 0.5 (with a limit: when the AUC is above it), else `clean`, and
        `too few` when there are fewer than `FEWEST_COMPONENTS` components or a class is missing. AUC and interval are
        None where a class is missing or there is only one component.
    """
    labels = np.asarray(labels)
    fakes, count = int(labels.sum()), len(np.unique(components))
    numbers = {"reals": len(labels) - fakes, "fakes": fakes, "components": count}
    if fakes in (0, len(labels)) or count < 2:
        return {"auc": None, "auc_ci95": None, **numbers, "verdict": "too few"}
    from tfafsr import metrics  # imported here because it loads TensorFlow

    area = metrics.auc(labels, scores)
    low, high = metrics.auc_interval(labels, scores, components, REPLICATES, seed)
    betrays = not low <= 0.5 <= high if limit is None else area > limit
    verdict = "betrays" if betrays else "clean"
    return {
        "auc": round(area, 4),
        "auc_ci95": [round(low, 4), round(high, 4)],
        **numbers,
        "verdict": verdict if count >= FEWEST_COMPONENTS else "too few",
    }


def _log_mean(energy: np.ndarray) -> float:
    return float(np.log(energy.mean() + 1e-3))


def _around(box: tuple[int, int, int, int], scale: float, shape: tuple[int, int]) -> tuple[slice, slice]:
    """Slices of the part of the square around `box` that is inside an image of `shape` (H, W)."""
    y0, x0, y1, x1 = (int(value) for value in crop_box(box, scale))
    return slice(max(y0, 0), min(y1, shape[0])), slice(max(x0, 0), min(x1, shape[1]))
