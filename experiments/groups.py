"""AUC and errors by groups of people, such as women and men: a detector must not fail one of them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from experiments import scoring
from experiments.scoring import Scores
from records.errors import DataError
from records.shards import ClipEntry

PHOTOGRAPH = "photograph"  # key of a real clip's notes: the file that it was made of


def read_groups(path: Path, columns: tuple[str, ...]) -> dict[str, dict[str, str]]:
    """Reads who belongs to which group.

    Args:
        path: a CSV file with the column `file`, a photograph's name, and `columns`.
        columns: the attributes, such as gender.

    Returns:
        Attribute -> {photograph: group}.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        return {column: {row["file"]: row[column] for row in rows} for column in columns}
    except (OSError, ValueError, KeyError, csv.Error) as error:
        raise DataError(f"{path} has no columns {', '.join(('file', *columns))} ({error}).") from error


def by_group(
    frames: Scores, clips: Mapping[str, ClipEntry], group_of: Mapping[str, str], threshold: float = scoring.THRESHOLD
) -> dict[str, dict]:
    """AUC and errors of the frames of each group: the real clips of its people, and the fakes made of them alone.

    A fake has the target's picture, and often a face made of the source's: both must be of the group.

    Args:
        frames: scores of one split at one compression.
        clips: the clips of that split, by their ids; a real clip's notes name its photograph.
        group_of: photograph -> group. People whose photograph is not in it are left out.
        threshold: of the probability.

    Returns:
        Group -> {"people", "frame": as `scoring.summary`, "errors": as `scoring.errors` at the level `frame`}, in
        alphabetical order.
    """
    photograph_of = {
        clip.subjects[0]: clip.notes[PHOTOGRAPH]
        for clip in clips.values()
        if not clip.label and PHOTOGRAPH in clip.notes
    }
    component_of = scoring.connected({video: clip.subjects for video, clip in clips.items()})
    videos_of: dict[str, set[str]] = {}
    people_of: dict[str, set[str]] = {}
    for video, clip in clips.items():
        groups = {group_of.get(photograph_of.get(subject, "")) for subject in clip.subjects}
        group = groups.pop()
        if group is not None and not groups:
            videos_of.setdefault(group, set()).add(video)
            people_of.setdefault(group, set()).add(clip.subjects[0])
    found = {}
    for group in sorted(videos_of):
        chosen = frames.of(videos_of[group])
        if len(chosen.ids):
            wrong = scoring.errors(chosen, scoring.score_videos(chosen), component_of, threshold)
            found[group] = {
                "people": len(people_of[group]),
                "frame": scoring.summary(chosen, component_of),
                "errors": wrong["frame"],
            }
    return found


def largest_gap(groups: Mapping[str, dict]) -> float | None:
    """The largest difference of frame AUC between two groups; None with fewer than two groups that have one."""
    areas = [group["frame"]["auc"] for group in groups.values() if group["frame"]["auc"] is not None]
    return max(areas) - min(areas) if len(areas) > 1 else None
