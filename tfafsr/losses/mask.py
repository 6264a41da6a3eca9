"""The loss of the mask head: which cells of m_cnn see manipulated pixels. It is not the paper's.

L_mask = mean over cells of the cross entropy between sigmoid(l) and M averaged over the pixels around the cell.
"""

from __future__ import annotations

import numpy as np
from keras import KerasTensor, ops

from tfafsr.losses.artifacts_focus import mean_of_known


def mask_loss(mask: KerasTensor, logits: KerasTensor, stride: int, known: KerasTensor | None = None) -> KerasTensor:
    """The cross entropy of the mask head.

    Args:
        mask: M, (B, S, S, 1), 1 where the face was manipulated, else 0.
        logits: l, (B, H, H, 1), any float dtype; cell i is centred on pixel i * stride.
        stride: pixels between two cells.
        known: (B,), 1 where the mask is known; the others do not count. All count by default.

    Returns:
        float32 scalar; 0 where no mask is known.
    """
    share = cell_shares(ops.cast(mask, "float32"), logits.shape[1], stride)
    entropy = ops.binary_crossentropy(share, ops.cast(logits, "float32"), from_logits=True)
    return mean_of_known(ops.mean(entropy, axis=(1, 2, 3)), known)


def cell_shares(mask: KerasTensor, cells: int, stride: int) -> KerasTensor:
    """The mean of M over the pixels around each cell: float32 (B, S, S, 1) -> (B, cells, cells, 1)."""
    pixels, centres = np.arange(mask.shape[1]), stride * np.arange(cells)
    near = np.abs(pixels[None] - centres[:, None]) <= stride / 2  # (cells, S)
    weights = (near / near.sum(axis=1, keepdims=True)).astype(np.float32)
    return ops.einsum("hs,bstc,wt->bhwc", weights, mask, weights)
