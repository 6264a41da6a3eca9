"""AUC by the strength of the manipulation: the weakest, middle and strongest third of the fakes, against all reals."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from experiments import scoring
from experiments.scoring import Scores
from records.errors import DataError
from records.shards import ClipEntry

NOTE = "strength"  # key of a clip's notes
THIRDS = ("weakest", "middle", "strongest")


def strengths(clips: Mapping[str, ClipEntry]) -> dict[str, float]:
    """The strength of each manipulated clip whose notes hold one, by the clip's id.

    Raises:
        DataError: a strength that is not a number in [0, 1].
    """
    found = {}
    for video, clip in clips.items():
        if clip.label and NOTE in clip.notes:
            value = clip.notes[NOTE]
            if type(value) not in (int, float) or not 0 <= value <= 1:
                raise DataError(
                    f"The manifest's notes on {video} hold a {NOTE} of {str(value)[:40]}, which is not a number in "
                    "[0, 1]; forge the data set and build the records again."
                )
            found[video] = float(value)
    return found


def by_strength(
    frames: Scores, videos: Scores, strength_of: Mapping[str, float], component_of: Mapping[str, int]
) -> dict | None:
    """AUC of each third of the fakes against all reals, for all methods together and for each method.

    The videos are ordered by strength and divided into three parts of equal number; a method has its own thirds.

    Args:
        frames, videos: scores of the same split.
        strength_of: video id -> strength in [0, 1], as `strengths` gives it; other fakes are not used.
        component_of: video id -> its cluster, as `scoring.connected` gives it.

    Returns:
        {"all": thirds, "per_method": {method: thirds}}. Thirds are {"weakest": {"from", "to", "frame", "video"},
        "middle": ..., "strongest": ...}, where `frame` and `video` are results of `scoring.summary`. A method with
        fewer than three such videos has none; None if there are fewer than three altogether.
    """

    def thirds(method: str | None) -> dict | None:
        scored = videos.videos[(videos.labels == 1) & ((videos.methods == method) | (method is None))]
        ordered = sorted((strength_of[video], video) for video in scored if video in strength_of)
        if len(ordered) < len(THIRDS):
            return None
        parts = np.array_split(np.arange(len(ordered)), len(THIRDS))
        return {name: third([ordered[index] for index in part]) for name, part in zip(THIRDS, parts, strict=True)}

    def third(members: list[tuple[float, str]]) -> dict:
        chosen = [video for _, video in members]
        levels = {"frame": frames, "video": videos}
        return {
            "from": members[0][0],
            "to": members[-1][0],
            **{level: scoring.summary(scores.among(chosen), component_of) for level, scores in levels.items()},
        }

    everything = thirds(None)
    if everything is None:
        return None
    of_methods = {method: thirds(method) for method in scoring.methods_of(videos)}
    return {"all": everything, "per_method": {method: found for method, found in of_methods.items() if found}}
