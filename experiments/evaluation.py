"""Writes `metrics.json` and the score tables of one run on one split at one compression."""

from __future__ import annotations

import json
import os
from pathlib import Path

import keras

from experiments import scoring
from records.errors import DataError
from records.shards.manifest import Manifest
from tfafsr import calibration


def evaluate(
    run: Path, records: Path, compression: str, split: str, out: Path, model: keras.Model | None = None
) -> dict:
    """Scores every face of `split` and measures frame and video AUC, in all and per method.

    Args:
        run: a run folder of `tfafsr train`.
        records: a folder of `tfafsr build`; its frames without a face are counted and get no score.
        compression: raw, c23 or c40.
        split: train, val or test.
        out: the JSON file; `<out stem>.frames.csv` and `<out stem>.videos.csv` are written beside it.
        model: the run's model where the caller has loaded it already.

    Returns:
        What `metrics.json` holds; docs/metrics.md describes it.

    Raises:
        DataError: no such run, records, split or compression; or people shared with the training split.
    """
    manifest = Manifest.load(records)
    clips = {
        video: clip
        for video, clip in manifest.clips.items()
        if (clip["split"], clip["compression"]) == (split, compression)
    }
    if split != "train":
        _check_people(manifest, split)
    model = model or scoring.load_model(run)
    frames = scoring.score_frames(model, records, split, compression)
    videos = scoring.score_videos(frames)
    identity_of = {video: clips[video]["subjects"][0] for video in clips}

    def both(select) -> dict:
        return {
            "frame": scoring.summary(select(frames), identity_of),
            "video": scoring.summary(select(videos), identity_of),
        }

    result = {
        **both(lambda scores: scores),
        "per_method": {
            method: both(lambda scores, method=method: scores.only(method)) for method in scoring.methods_of(frames)
        },
        "coverage": {
            "clips": len(clips),
            "clips_scored": len(videos.ids),
            "frames_scored": len(frames.ids),
            "frames_without_face": sum(clip["frames_without_face"] for clip in clips.values()),
        },
        "records": str(records),
        "run": str(run),
        "compression": compression,
        "split": split,
    }
    decoys = scoring.false_alarms(videos, {video: clip.get("notes") or {} for video, clip in clips.items()})
    if decoys is not None:
        result["decoys"] = decoys
    if len(set(frames.labels.tolist())) == 2:
        temperature = float(model.temperature)
        before = calibration.without_temperature(frames.values, temperature)
        result["calibration"] = {
            "temperature": temperature,
            "before": calibration.reliability(frames.labels, before),
            "after": calibration.reliability(frames.labels, frames.values),
        }
    out.parent.mkdir(parents=True, exist_ok=True)
    frames.save(out.with_name(out.stem + ".frames.csv"))
    videos.save(out.with_name(out.stem + ".videos.csv"))
    temporary = out.with_name(out.name + ".tmp")
    temporary.write_text(json.dumps(result, indent=2, allow_nan=False) + "\n")
    os.replace(temporary, out)
    return result


def _check_people(manifest: Manifest, split: str) -> None:
    people = {name: set() for name in ("train", split)}
    for clip in manifest.clips.values():
        if clip["split"] in people:
            people[clip["split"]].update(clip["subjects"])
    if shared := people["train"] & people[split]:
        raise DataError(
            f"{len(shared)} people are in the training and in the {split} split, {min(shared)!r} among them: the "
            "figures would be worthless. Build the records from splits that share nobody."
        )
