"""Key points as Gaussian maps at the features' resolution: an input of the int8 export form."""

from __future__ import annotations

import numpy as np

HEATMAP_SIGMA = 0.75  # cells


def heatmap_cells(size: int, stride: int) -> int:
    """Cells a side of the heat maps of a face of `size` pixels, one every `stride` pixels."""
    return -(-size // stride)


def keypoint_heatmaps(keypoints: np.ndarray, size: int, stride: int, sigma: float = HEATMAP_SIGMA) -> np.ndarray:
    """One Gaussian for each key point, scaled to sum to H * W; computes the same as `tfafsr.layers.KeypointHeatmaps`.

    Args:
        keypoints: (N, K, 2), x and y in [0, 1] of the face.
        size: S, side of the face in pixels.
        stride: side of a cell in pixels.
        sigma: standard deviation of the Gaussian, in cells.

    Returns:
        float32 (N, H, W, K), H = W = `heatmap_cells(size, stride)`.
    """
    cells = heatmap_cells(size, stride)
    centres = (np.asarray(keypoints, np.float32) * size - 0.5) / stride  # (N, K, 2)
    exponent = -0.5 * np.square((np.arange(cells, dtype=np.float32) - centres[..., None]) / np.float32(sigma))
    weight = np.exp(exponent - exponent.max(axis=-1, keepdims=True))
    weight *= cells / weight.sum(axis=-1, keepdims=True)  # (N, K, 2, cells)
    return np.einsum("nkh,nkw->nhwk", weight[:, :, 1], weight[:, :, 0]).astype(np.float32)
