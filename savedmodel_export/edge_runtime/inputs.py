"""Computes the inputs of an exported network from faces and key points."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from faces import error_level_analysis, keypoint_heatmaps


def network_inputs(
    names: Collection[str], description: dict, frames: np.ndarray, keypoints: np.ndarray
) -> dict[str, np.ndarray]:
    """The inputs called `names`; the int8 form takes error levels and heat maps instead of key points.

    Args:
        names: some of `frame`, `keypoints`, `ela` and `heatmaps`.
        description: of the detector: `size`, `ela` and `heatmaps` are read.
        frames: uint8 (N, S, S, 3) RGB.
        keypoints: (N, 5, 2), x and y in [0, 1] of the crop.

    Returns:
        Of `names`: `frame` as it is, `keypoints` float32, `ela` uint8 (N, S, S, 3), `heatmaps` float32 (N, H, W, 5).
    """
    fields = {"frame": frames, "keypoints": np.asarray(keypoints, np.float32)}
    if "ela" in names:
        ela = description["ela"]
        fields["ela"] = np.stack([error_level_analysis(face, ela["quality"], ela["gain"]) for face in frames])
    if "heatmaps" in names:
        maps = description["heatmaps"]
        fields["heatmaps"] = keypoint_heatmaps(keypoints, description["size"], maps["stride"], maps["sigma"])
    return {name: fields[name] for name in names}
