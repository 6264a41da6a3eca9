"""AUC by strength: thirds of equal number, each against all reals, from the notes of the manifest."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli.main import cli
from experiments.scoring import Scores, score_videos
from experiments.strength import by_strength, strengths
from records.errors import DataError
from records.shards import ClipEntry, Manifest

REALS = {f"d/real/c40/{number}": 0.5 for number in range(4)}
FAKES = {  # video -> (strength, score); weak ones score below all reals, strong ones above
    **{f"d/A/c40/{number}": (number / 10, 0.1 + 0.16 * number) for number in range(6)},
    **{f"d/B/c40/{number}": (0.9, 0.95) for number in range(2)},
}


def scores():
    """Two frames of each video, with the same score."""
    rows = [(video, value, 0) for video, value in REALS.items()] + [
        (video, value, 1) for video, (_, value) in FAKES.items()
    ]
    rows = [row for row in rows for _ in range(2)]
    videos = np.array([video for video, _, _ in rows])
    frames = Scores(
        ids=np.array([f"{video}#{index % 2}" for index, video in enumerate(videos)]),
        videos=videos,
        methods=np.array([video.split("/")[1] for video in videos]),
        labels=np.array([label for _, _, label in rows]),
        values=np.array([value for _, value, _ in rows]),
    )
    return frames, score_videos(frames)


def measured(strength_of):
    component_of = {video: number for number, video in enumerate([*REALS, *FAKES])}
    return by_strength(*scores(), strength_of, component_of)


def test_each_third_is_compared_with_all_reals_and_has_its_bounds():
    """A scores 0.10, 0.26, 0.42 | 0.58, 0.74, 0.90 and B 0.95 twice against reals of 0.5.

    All: 8 fakes in parts of 3, 3 and 2. A: parts of 2: AUC 0; one below and one above, 0.5; 1.
    """
    found = measured({video: strength for video, (strength, _) in FAKES.items()})
    bounds = {name: (part["from"], part["to"]) for name, part in found["all"].items()}
    assert bounds == {"weakest": (0.0, 0.2), "middle": (0.3, 0.5), "strongest": (0.9, 0.9)}
    assert [part["frame"]["auc"] for part in found["all"].values()] == [0.0, 1.0, 1.0]
    assert [part["frame"]["n"] for part in found["all"].values()] == [8 + 6, 8 + 6, 8 + 4]
    assert [part["video"]["n"] for part in found["all"].values()] == [4 + 3, 4 + 3, 4 + 2]
    assert set(found["per_method"]) == {"A"}  # B has two videos only
    a = found["per_method"]["A"]
    assert [(part["from"], part["to"]) for part in a.values()] == [(0.0, 0.1), (0.2, 0.3), (0.4, 0.5)]
    for level in ("frame", "video"):
        assert [part[level]["auc"] for part in a.values()] == [0.0, 0.5, 1.0]
        assert a["middle"][level]["auc_ci95"][0] < 0.5 < a["middle"][level]["auc_ci95"][1]


def test_fakes_without_a_strength_are_in_no_third():
    known = {video: strength for video, (strength, _) in FAKES.items() if "/A/" in video}
    assert measured(known)["all"]["strongest"]["to"] == 0.5
    assert measured({"d/B/c40/0": 0.1, "d/B/c40/1": 0.2}) is None
    assert measured({}) is None


def clip(label, notes):
    return ClipEntry("test", label, "A" if label else "real", "c40", ("x",), 1, notes=notes)


def test_only_notes_of_fakes_count():
    clips = {"a": clip(1, {"strength": 1}), "b": clip(1, {"decoy": None}), "c": clip(0, {"strength": 0.5})}
    assert strengths(clips) == {"a": 1.0}


@pytest.mark.parametrize("value", [True, "0.5", None, -0.1, 1.1, float("nan"), [0.5]])
def test_a_strength_that_is_no_share_is_refused_by_name(value):
    with pytest.raises(DataError, match=r"notes on d/A/c40/1 hold a strength of .*, which is not a number in \[0, 1\]"):
        strengths({"d/A/c40/1": clip(1, {"strength": value})})


@pytest.mark.slow
def test_evaluate_reports_the_thirds_where_the_notes_have_strengths(trained_run, made_records, tmp_path):
    records = shutil.copytree(made_records, tmp_path / "records")
    manifest = Manifest.load(records)
    for number, (video, entry) in enumerate(sorted(manifest.clips.items())):
        if entry.label:
            manifest.clips[video] = dataclasses.replace(entry, notes={**entry.notes, "strength": number / 100})
    manifest.save(records)

    def evaluate(folder, name):
        out = tmp_path / name
        arguments = ["--run", trained_run, "--records", folder, "--compression", "c40", "--out", out]
        done = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)], catch_exceptions=False)
        return json.loads(out.read_text()), done.output

    result, printed = evaluate(records, "with.json")
    assert set(result["strength"]["per_method"]) == {"Deepfakes", "FaceSwap"}
    assert result["strength"]["all"]["weakest"]["from"] == 0.06  # the first fake of the test split in this order
    assert "Frame AUC by strength" in printed
    assert "(0.06-0.07)" in printed
    without, printed = evaluate(made_records, "without.json")
    assert "strength" not in without
    assert "strength" not in printed
