"""Writes `metrics.json` and the score tables of one run on one split at one compression."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from experiments import frame_scores, runs, scoring, strength
from records.atomic import atomic_file, write_json
from records.errors import DataError
from records.shards import Manifest


def evaluate(
    run: Path,
    records: Path,
    compression: str,
    split: str,
    out: Path,
    sizes: Sequence[int] = (),
    workers: int = 1,
) -> dict:
    """Scores every face of `split`: AUC, over all methods and for each, errors at 0.5, calibration, restoration.

    Args:
        run: a run folder of `tfafsr train`.
        records: a folder of `tfafsr build`; its frames without a face are counted and get no score.
        compression: raw, c23 or c40.
        split: train, val or test.
        out: the JSON file. `<stem of out>.frames.csv` and `<stem of out>.videos.csv` are written beside it: all three
            files or none.
        sizes: sides in pixels; the faces are also scored after they were shrunk to each of them and enlarged again.
        workers: number of processes that score, each on its own GPU where there are several.

    Returns:
        The content of `metrics.json`, see docs/metrics.md.

    Raises:
        DataError: no such run, records, split or compression; a size larger than the model's faces; the split shares
            people with another split or with the training of the run; or a file cannot be written.
    """
    manifest = Manifest.load(records)
    clips = {
        video: clip for video, clip in manifest.clips.items() if (clip.split, clip.compression) == (split, compression)
    }
    manifest.files(split, compression)  # raises an error before the model is loaded
    people = _check_people(manifest, split, run)
    if workers > 1:
        frame_scores.leave_gpus_to_workers()
    model = runs.load_detector(run)
    scored = frame_scores.score_frames(model, records, split, compression, sizes, workers, run)
    frames, videos = scored.frames, scoring.score_videos(scored.frames)
    component_of = scoring.connected({video: clip.subjects for video, clip in clips.items()})

    def both(select) -> dict:
        return {
            "frame": scoring.summary(select(frames), component_of),
            "video": scoring.summary(select(videos), component_of),
        }

    result = {
        **both(lambda scores: scores),
        "errors": scoring.errors(frames, videos, component_of),
        "per_method": {
            method: both(lambda scores, method=method: scores.only(method)) for method in scoring.methods_of(frames)
        },
        "coverage": {
            "clips": len(clips),
            "clips_scored": len(videos.ids),
            "frames_scored": len(frames.ids),
            "frames_without_face": sum(clip.frames_without_face for clip in clips.values()),
        },
        "people": {**people, "components": len(set(component_of.values()))},
        "not_trained_on": runs.untrained(run, scoring.methods_of(frames)),
        "records": str(records),
        "records_content": manifest.content_hash,
        "run": str(run),
        "compression": compression,
        "split": split,
    }
    others = runs.left_out(run, manifest.content_hash, compression, split)
    if others:
        result["left_out"] = others
    if sizes:
        result["sizes"] = [_at_side(side, smaller, component_of) for side, smaller in scored.at_side.items()]
    if scored.gains:
        clusters = np.array([component_of[video] for video in frames.videos])
        result["restoration"] = scoring.restored(scored.gains, clusters)
    decoys = scoring.false_alarms(videos, {video: clip.notes for video, clip in clips.items()})
    if decoys is not None:
        result["decoys"] = decoys
    thirds = strength.by_strength(frames, videos, strength.strengths(clips), component_of)
    if thirds is not None:
        result["strength"] = thirds
    if len(set(frames.labels.tolist())) == 2:
        result["calibration"] = scoring.calibrated(scored, model.calibration, component_of)
    # Files are renamed in reverse order: once metrics.json exists, both tables exist.
    with (
        atomic_file(out) as metrics_json,
        atomic_file(out.with_name(out.stem + ".frames.csv")) as frames_csv,
        atomic_file(out.with_name(out.stem + ".videos.csv")) as videos_csv,
    ):
        frames.save(frames_csv, scored.at_side)
        videos.save(videos_csv)
        write_json(metrics_json, result)
    return result


def _at_side(side: int, frames: scoring.Scores, component_of: dict[str, int]) -> dict:
    """AUC and errors of faces that were shrunk to `side` pixels."""
    videos = scoring.score_videos(frames)
    return {
        "side": side,
        "frame": scoring.summary(frames, component_of),
        "video": scoring.summary(videos, component_of),
        "errors": scoring.errors(frames, videos, component_of),
    }


def _check_people(manifest: Manifest, split: str, run: Path) -> dict[str, int | None]:
    """How many people of the split the run was trained and selected on: {"evaluated", "trained_on", "selected_on"}.

    The last two are None for weights without a run folder: nobody knows.

    Raises:
        DataError: the test split shares people with the training or validation split, or the validation split with
            another one; the splits of the records and those of the run are both checked.
    """
    in_records, in_run = runs.people_in([manifest]), runs.load_people(run)
    evaluated = in_records.get(split, set())
    separate = {"train": (), "val": ("train",), "test": ("train", "val")}[split]
    for other in separate:
        for people, holder in ((in_run or {}, f"that {run} was trained with"), (in_records, "of the same records")):
            if shared := evaluated & people.get(other, set()):
                dataset, subject = min(shared)
                raise DataError(
                    f"{len(shared)} people of the {split} split are in the {other} split {holder}, {subject!r} of "
                    f"{dataset} among them: the figures would mean nothing. Build the records from splits that share "
                    "nobody, or evaluate on other people."
                )
    if split == "val" and (shared := evaluated & in_records.get("test", set())):
        raise DataError(
            f"{len(shared)} people are in the splits val and test, {min(shared)[1]!r} among them; build the records "
            "from splits that share nobody."
        )
    return {
        "evaluated": len(evaluated),
        "trained_on": None if in_run is None else len(evaluated & in_run["train"]),
        "selected_on": None if in_run is None else len(evaluated & in_run["val"]),
    }
