"""What `check` says of a data set before it is built."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.audit.survey import CUES, survey
from experiments.cli.check import check as command
from records.building import BuildOptions
from records.footage import Encoding, write_encoded, write_video
from records.shards import SplitsOrigin
from records.sources import folder
from records.sources.ffpp import find_clips

OPTIONS = BuildOptions(size=64, frames_train=4, frames_eval=4)
QUICK = ["--sample", "0", "--faces", "0"]


def of(rows, **wanted):
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def test_a_whole_data_set_is_complete(tree):
    found = survey(find_clips(tree), OPTIONS, workers=2, sample=0, faces=0)
    assert found.complete
    assert found.layout == "FaceForensics++, c40, raw, videos"
    assert found.splits == SplitsOrigin(files="train.json, val.json, test.json")
    assert len(found.table) == 2 * 2 * 3  # methods, compressions, splits
    assert all(row["expected"] == row["found"] == 2 for row in found.table)
    assert (found.missing, found.unreadable, found.unequal, found.odd) == ([], [], [], [])
    assert found.masks["missing"] == [f"ffpp/Deepfakes/raw/{a}_{b}" for a, b in pairs()]
    assert found.estimate is None


def pairs():
    return [(f"{a:03d}", f"{b:03d}") for a, b in ((0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4))]


def test_what_is_missing_damaged_short_or_odd_is_named(tree, tmp_path):
    data = Path(shutil.copytree(tree, tmp_path / "data"))
    fakes, reals = data / "manipulated_sequences/Deepfakes", data / "original_sequences/youtube"
    (fakes / "c40/videos/000_001.mp4").unlink()
    (fakes / "c40/videos/001_000.mp4").write_bytes(b"")
    write_video(reals / "c40/videos/004.mp4", [np.zeros((160, 160, 3), np.uint8)] * 5)
    (reals / "c40/videos/notes.txt").write_text("mine")
    (reals / "c40/videos/000 (1).mp4").write_bytes(b"x")
    (fakes / "masks/videos").mkdir(parents=True)
    for a, b in pairs()[:-1]:
        length = 3 if a == "002" else 8
        write_video(fakes / f"masks/videos/{a}_{b}.mp4", [np.zeros((160, 160, 3), np.uint8)] * length)
    result = run("--root", data, "--json", *QUICK)
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["complete"]
    assert [one["clip"] for one in found["missing"]] == ["ffpp/Deepfakes/c40/000_001"]
    (damaged,) = found["unreadable"]
    assert damaged["clip"] == "ffpp/Deepfakes/c40/001_000"
    assert "001_000.mp4 does not open as a video" in damaged["reason"]
    (row,) = of(found["table"], method="Deepfakes", compression="c40", split="train")
    assert (row["expected"], row["found"], row["missing"], row["unreadable"]) == (2, 0, 1, 1)
    assert {"clip": "ffpp/real/c40/004", "frames": 5, "twin": 8} in found["unequal"]
    assert found["odd"] == [
        "original_sequences/youtube/c40/videos/000 (1).mp4",
        "original_sequences/youtube/c40/videos/notes.txt",
    ]
    assert found["masks"]["missing"] == ["ffpp/Deepfakes/raw/005_004"]
    assert found["masks"]["short"] == [{"clip": "ffpp/Deepfakes/raw/002_003", "frames": 8, "mask": 3}]
    assert found["masks"]["present"] == 5


def test_the_page_says_the_same_in_words(tree, tmp_path):
    data = Path(shutil.copytree(tree, tmp_path / "data"))
    (data / "manipulated_sequences/Deepfakes/c40/videos/000_001.mp4").unlink()
    (data / "original_sequences/youtube/c40/videos/new\nline\x1b[31m.mp4").write_bytes(b"x")
    result = run("--root", data, *QUICK)
    assert result.exit_code == 1
    assert r"videos/new\nline\x1b[31m.mp4" in result.stdout
    assert "Layout: FaceForensics++" in result.stdout
    assert "1/2" in result.stdout
    assert "000_001.mp4 is missing; the split train names it" in result.stdout
    assert "Incomplete" in result.stdout
    assert run("--root", tree, *QUICK).exit_code == 0


def test_the_estimate_comes_from_a_timed_sample(tree):
    found = survey(find_clips(tree), OPTIONS, workers=2, sample=1, faces=2)
    cost = found.estimate
    assert cost["examples"] == 24 * 4
    assert 24 * 4 * 5_000 < cost["bytes"] < 24 * 4 * 50_000
    assert cost["seconds"] > 0
    assert (cost["workers"], cost["sampled"]) == (2, 4)
    assert found.cues["raw"]["face_size"]["real"] == pytest.approx(110, rel=0.3)  # drawn 100 pixels high and some more


def clips_of_two_codecs(tree, same):
    """Twelve people, real clips in MPEG-4 AVI, fakes in H.264 MP4, or both in the latter."""
    rng = np.random.default_rng(0)
    for person in range(12):
        frames = [rng.integers(0, 255, (64, 64, 3), dtype=np.uint8) for _ in range(3)]
        for label in ("real", "fake"):
            (tree / label).mkdir(parents=True, exist_ok=True)
            if label == "fake" or same:
                write_video(tree / label / f"{person}.mp4", frames)
            else:
                encoding = Encoding("mpeg4", "yuv420p", 4000.0, 25.0)
                write_encoded(tree / label / f"{person}.avi", lambda frames=frames: iter(frames), encoding)


@pytest.mark.parametrize("same", [True, False])
def test_a_codec_that_tells_the_label_is_named(tmp_path, same):
    clips_of_two_codecs(tmp_path, same)
    found = survey(folder.find_clips(tmp_path), OPTIONS, workers=1, sample=0, faces=0)
    judged = found.cues["as-is"]
    assert judged.keys() == CUES.keys()
    assert judged["codec"]["auc"] == (0.5 if same else 1.0)
    assert ("as-is: codec" in found.betrays) == (not same)
    assert judged["frame_size"]["auc"] == 0.5
    assert judged["face_size"]["auc"] is None  # no face was looked for
    if not same:
        assert judged["codec"]["real"] == {"mpeg4": 12}
        result = run("--source", "folder", "--root", tmp_path, *QUICK)
        assert "betrays itself by as-is: codec" in " ".join(result.stdout.split())


def test_an_option_of_another_source_is_refused(tree):
    result = run("--root", tree, "--csv", tree / "x.csv", *QUICK)
    assert "--csv is for --source folder" in str(result.exception)
