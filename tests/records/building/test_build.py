"""Building, from videos to records: content, resuming, skips, and the same bytes whatever the workers."""

import dataclasses
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from records.building.unit import NO_FACE_TWIN, BuildOptions

from experiments.cli.build import build as command
from records.building.build import PARTS, build, build_unit
from records.building.parts import alone, own_folder
from records.errors import DataError
from records.footage import read_frames
from records.shards.manifest import Manifest, verify
from records.shards.schema import decode
from records.sources.ffpp import find_clips
from tests.records.written import content

REPOSITORY = Path(__file__).resolve().parents[3]
OPTIONS = BuildOptions(size=64, frames_train=4, frames_eval=4)
ARGUMENTS = ["--size", "64", "--frames-train", "4", "--frames-eval", "4"]


@pytest.fixture(scope="module")
def root(tmp_path_factory, write_tree):
    return write_tree(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def built(root, tmp_path_factory):
    """Records built in one process, through the command."""
    out = tmp_path_factory.mktemp("records") / "one"
    arguments = ["--root", str(root), "--out", str(out), "--workers", "1", *ARGUMENTS]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    assert "Content hash" in result.output
    return out


def examples(folder, pattern="*/*/*.tfrecord"):
    files = sorted(str(path) for path in folder.glob(pattern))
    return [decode(record.numpy()) for record in tf.data.TFRecordDataset(files)]


def copy_of(root, tmp_path):
    return Path(shutil.copytree(root, tmp_path / "data"))


def test_the_manifest_tells_what_there_is(built):
    manifest = Manifest.load(built)
    verify(built)
    assert not (built / PARTS).exists()
    assert manifest.skips == []
    assert manifest.size == 64
    # Two people a split, four frames each; the first frame of the late 003 shows nobody, in every copy.
    for split, faces in (("train", 8), ("val", 7), ("test", 8)):
        for level in ("raw", "c40"):
            assert manifest.counts[split][level] == {"real": faces, "Deepfakes": faces}
    late = manifest.clips["ffpp/Deepfakes/c40/003_002"]
    assert (late["frames_scored"], late["frames_without_face"]) == (3, 1)
    assert late["reasons"] == {NO_FACE_TWIN: 1}
    assert late["subjects"] == ["003", "002"]
    assert str(built.parent) not in (built / "manifest.json").read_text()


def test_an_example_is_what_the_videos_show(built, root):
    found = {(e.video, e.frame_index): e for e in examples(built)}
    assert sum(key[0] == "ffpp/real/raw/000" for key in found) == 4
    assert sorted(index for video, index in found if video == "ffpp/real/raw/000") == [1, 3, 5, 7]
    real, fake = found["ffpp/real/c40/000", 3], found["ffpp/Deepfakes/c40/000_001", 3]
    best = found["ffpp/Deepfakes/raw/000_001", 3]
    np.testing.assert_array_equal(fake.target, best.frame)
    np.testing.assert_array_equal(best.target, best.frame)
    assert not np.array_equal(fake.frame, fake.target)
    assert (real.target_known, fake.target_known, real.mask_known, fake.mask_known) == (1, 1, 1, 1)
    np.testing.assert_array_equal(fake.box, real.box)  # one detection serves all
    np.testing.assert_array_equal(fake.keypoints, real.keypoints)
    assert (real.label, fake.label, fake.split, fake.subjects) == (0, 1, "train", ["000", "001"])
    y0, x0, y1, x1 = fake.box.astype(int)
    assert y1 - y0 == x1 - x0
    frames = dict(read_frames(root / "original_sequences/youtube/raw/videos/000.mp4", [3]))
    inside = frames[3][max(y0, 0) : y1, max(x0, 0) : x1]
    assert abs(inside.mean() - found["ffpp/real/raw/000", 3].frame.mean()) < 8


def test_masks_lie_on_the_forged_mouth_and_nowhere_else(built):
    for example in examples(built):
        if not example.label:
            assert not example.mask.any()
            continue
        rows, columns = np.nonzero(example.mask[..., 0])
        left, right = example.keypoints[3:] * 64
        assert set(np.unique(example.mask)) == {0, 255}
        assert 0.01 < example.mask.mean() / 255 < 0.15
        assert abs(rows.mean() - (left[1] + right[1]) / 2) < 6
        assert abs(columns.mean() - (left[0] + right[0]) / 2) < 6


def test_no_person_is_in_two_splits(built):
    people = {
        split: {s for e in examples(built, f"{split}/*/*") for s in e.subjects} for split in ("train", "val", "test")
    }
    assert people["train"].isdisjoint(people["val"] | people["test"])
    assert people["val"].isdisjoint(people["test"])


@pytest.mark.slow
def test_two_workers_give_the_same_bytes(built, root, tmp_path):
    build(find_clips(root), tmp_path / "two", OPTIONS, workers=2)
    assert content(tmp_path / "two") == content(built)


@pytest.mark.slow
def test_killed_and_resumed_it_gives_the_same_bytes(built, root, tmp_path):
    out = tmp_path / "killed"
    program = "from experiments.cli.build import build; build()"
    arguments = [sys.executable, "-c", program, "--root", str(root), "--out", str(out), "--workers", "1", *ARGUMENTS]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list((out / PARTS).glob("*-*.json"))) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    finished = {path.name: path.stat().st_mtime_ns for path in (out / PARTS).glob("*-*.json")}
    assert 2 <= len(finished) < 6
    assert not (out / "manifest.json").exists()
    # What a kill at other moments leaves behind: half a part, half a shard, half a manifest.
    (out / PARTS / "test-004.tfrecord.tmp").write_bytes(b"half")
    (out / "test" / "c40").mkdir(parents=True)
    (out / "test/c40/real-00000-of-00001.tfrecord.tmp").write_bytes(b"half")
    (out / "manifest.json.tmp").write_bytes(b"half")

    said = []
    build(find_clips(root), out, OPTIONS, say=said.append)
    assert any("Resuming" in line and "of 6 people are done" in line for line in said)
    assert content(out) == content(built)


@pytest.mark.slow
def test_ctrl_c_ends_it_with_a_word_and_the_same_command_goes_on(built, root, tmp_path):
    out = tmp_path / "interrupted"
    arguments = ["--root", str(root), "--out", str(out), "--workers", "1", *ARGUMENTS]
    program = f"import sys; from experiments.cli.main import main; sys.argv[1:] = {['build', *arguments]!r}; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", f"import signal; signal.signal(2, signal.default_int_handler); {program}"],
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,  # the terminal's group: workers are interrupted, too
    )
    deadline = time.monotonic() + 120
    while not list((out / PARTS).glob("*-*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "the same command goes on from there" in said
    assert "Traceback" not in said
    build(find_clips(root), out, OPTIONS)
    assert content(out) == content(built)


def test_finished_records_are_left_alone(built, root):
    before, said = content(built), []
    manifest = build(find_clips(root), built, OPTIONS, say=said.append)
    assert said == [f"{built} is finished already."]
    assert content(built) == before
    assert manifest.counts == Manifest.load(built).counts


@pytest.mark.parametrize("change", [{"size": 65}, {"frames_train": 5}, {"burst": 2}, {"keypoints_from": "self"}])
def test_other_options_in_the_same_folder_are_refused(built, root, change):
    with pytest.raises(DataError, match=f"another {next(iter(change))}.*another --out"):
        build(find_clips(root), built, dataclasses.replace(OPTIONS, **change))


def test_other_videos_in_the_same_folder_are_refused(built, root):
    with pytest.raises(DataError, match="other videos"):
        build(find_clips(root, compressions=["c40"]), built, OPTIONS)


def test_another_folder_of_somebody_is_refused(root, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="is not empty and holds no records"):
        build(find_clips(root), tmp_path, OPTIONS)


@pytest.mark.slow
def test_bad_videos_become_named_skips_and_stop_nothing(root, tmp_path):
    data = copy_of(root, tmp_path)
    fakes = data / "manipulated_sequences/Deepfakes"
    cut, missing = fakes / "c40/videos/000_001.mp4", fakes / "c40/videos/002_003.mp4"
    text = data / "original_sequences/youtube/c40/videos/004.mp4"
    cut.write_bytes(cut.read_bytes()[:2000])
    missing.unlink()
    text.write_text("this is no video")
    out = tmp_path / "out"
    arguments = ["--root", str(data), "--out", str(out), "--compressions", "c40", "--workers", "1", *ARGUMENTS]
    result = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    skips = {skip["clip"]: skip for skip in Manifest.load(out).skips}
    assert skips.keys() == {"ffpp/Deepfakes/c40/000_001", "ffpp/Deepfakes/c40/002_003", "ffpp/real/c40/004"}
    assert "000_001.mp4 does not open as a video" in skips["ffpp/Deepfakes/c40/000_001"]["reason"]
    assert "002_003.mp4 is missing" in skips["ffpp/Deepfakes/c40/002_003"]["reason"]
    assert "004.mp4 does not open" in skips["ffpp/real/c40/004"]["reason"]
    assert skips["ffpp/real/c40/004"]["label"] == 0
    assert "3 clips were skipped" in result.output
    assert all(clip in result.output for clip in skips)
    assert Manifest.load(out).counts["test"]["c40"] == {"real": 4, "Deepfakes": 8}


def test_an_empty_folder_is_an_error(tmp_path):
    result = CliRunner().invoke(command, ["--root", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, DataError)
    assert "holds no FaceForensics++" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_splits_that_name_nothing_at_hand_are_an_error(root, tmp_path):
    data = copy_of(root, tmp_path)
    shutil.rmtree(data / "manipulated_sequences")
    for path in data.glob("original_sequences/**/*.mp4"):
        path.rename(path.with_name(f"9{path.name[1:]}"))
    with pytest.raises(DataError, match=r"There is no clip to build.*000\.mp4 is missing"):
        build(find_clips(data), tmp_path / "out", OPTIONS)


def test_a_full_disk_is_named_and_leaves_no_finished_part(root, tmp_path):
    clips = [clip for clip in find_clips(root).clips if clip.subjects[0] == "005" and clip.compression == "c40"]
    (tmp_path / PARTS).mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # no file may grow beyond
    try:
        with pytest.raises(DataError, match=r"test-005\.tfrecord cannot be written.*Make room"):
            build_unit("test-005", clips, tmp_path, OPTIONS, "print")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / PARTS).iterdir()) == []


def test_two_attempts_at_one_part_do_not_meet(root, tmp_path):
    """As a cluster makes them that takes a worker for lost: one ends while the other writes."""
    clips = [clip for clip in find_clips(root).clips if clip.subjects[0] == "005" and clip.compression == "c40"]
    (tmp_path / PARTS).mkdir()
    build_unit("test-005", clips, tmp_path, OPTIONS, "print")
    part = (tmp_path / PARTS / "test-005.tfrecord").read_bytes()
    with own_folder(tmp_path, "test-005") as half:
        (half / "test-005.tfrecord.tmp").write_bytes(b"half")
        build_unit("test-005", clips, tmp_path, OPTIONS, "print")
        assert (tmp_path / PARTS / "test-005.tfrecord").read_bytes() == part
        assert (half / "test-005.tfrecord.tmp").read_bytes() == b"half"
    assert sorted(path.name for path in (tmp_path / PARTS).iterdir()) == ["test-005.json", "test-005.tfrecord"]


def test_two_builds_into_one_folder_are_kept_apart(root, tmp_path):
    with alone(tmp_path / "out"):
        result = subprocess.run(
            [sys.executable, "-m", "tfafsr", "build", "--root", root, "--out", tmp_path / "out"],
            cwd=REPOSITORY,
            capture_output=True,
            text=True,
        )
    assert result.returncode == 1
    assert f"Another process is building into {tmp_path / 'out'}" in " ".join(result.stderr.split())
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_is_no_place_for_records(root, tmp_path):
    (tmp_path / "out").write_text("a letter")
    with pytest.raises(DataError, match=r"out cannot be made a folder.*give another --out"):
        build(find_clips(root), tmp_path / "out", OPTIONS)


def test_the_index_of_a_part_is_json_that_names_every_record(root, tmp_path):
    clips = [clip for clip in find_clips(root).clips if clip.subjects[0] == "005" and clip.compression == "c40"]
    (tmp_path / PARTS).mkdir()
    build_unit("test-005", clips, tmp_path, OPTIONS, "print")
    index = json.loads((tmp_path / PARTS / "test-005.json").read_text())
    assert len(index["keys"]) == 8
    assert index["keys"][0][3] == "ffpp/real/c40/005#1"
