"""Building records from videos: content, resuming, skips, and the same bytes for any number of workers."""

import dataclasses
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

from experiments.cli.build import build as command
from records.atomic import locked
from records.building.build import build_part, build_records
from records.building.groups import ClipGroup
from records.building.locate import NO_FACE_TWIN
from records.building.parts import PARTS, PartIndex, finished_parts, record_writer, scratch_folder
from records.errors import DataError
from records.footage import read_frames
from records.shards import Manifest, decode, verify
from records.sources.ffpp import find_clips
from tests.records.written import ARGUMENTS, OPTIONS, content, in_this_process

REPOSITORY = Path(__file__).resolve().parents[3]


def examples(folder, pattern="*/*/*.tfrecord"):
    files = sorted(str(path) for path in folder.glob(pattern))
    return [decode(record.numpy()) for record in tf.data.TFRecordDataset(files)]


def group_of_005(tree):
    """The clips of one person at one compression."""
    clips = [clip for clip in find_clips(tree).clips if clip.subjects[0] == "005" and clip.compression == "c40"]
    return ClipGroup("test-005", tuple(clips))


def copy_of(tree, tmp_path):
    return Path(shutil.copytree(tree, tmp_path / "data"))


def test_the_manifest_describes_the_records(built_tree):
    manifest = Manifest.load(built_tree)
    verify(built_tree)
    assert not (built_tree / PARTS).exists()
    assert manifest.skips == []
    assert manifest.size == 64
    # Each split has two people with four frames each; person 003 is not in the first frame of their video.
    for split, faces in (("train", 8), ("val", 7), ("test", 8)):
        for level in ("raw", "c40"):
            assert manifest.counts[split][level] == {"real": faces, "Deepfakes": faces}
    late = manifest.clips["ffpp/Deepfakes/c40/003_002"]
    assert (late.frames_scored, late.frames_without_face) == (3, 1)
    assert late.reasons == {NO_FACE_TWIN: 1}
    assert late.subjects == ("003", "002")
    assert str(built_tree.parent) not in (built_tree / "manifest.json").read_text()


def test_an_example_shows_the_face_in_the_videos(built_tree, tree):
    found = {(e.video, e.frame_index): e for e in examples(built_tree)}
    assert sum(key[0] == "ffpp/real/raw/000" for key in found) == 4
    assert sorted(index for video, index in found if video == "ffpp/real/raw/000") == [1, 3, 5, 7]
    real, fake = found["ffpp/real/c40/000", 3], found["ffpp/Deepfakes/c40/000_001", 3]
    best = found["ffpp/Deepfakes/raw/000_001", 3]
    np.testing.assert_array_equal(fake.target, best.frame)
    np.testing.assert_array_equal(best.target, best.frame)
    assert not np.array_equal(fake.frame, fake.target)
    assert (real.target_known, fake.target_known, real.mask_known, fake.mask_known) == (1, 1, 1, 1)
    np.testing.assert_array_equal(fake.box, real.box)  # both use the face that was found on the twin
    np.testing.assert_array_equal(fake.keypoints, real.keypoints)
    assert (real.label, fake.label, fake.split, fake.subjects) == (0, 1, "train", ["000", "001"])
    y0, x0, y1, x1 = fake.box.astype(int)
    assert y1 - y0 == x1 - x0
    frames = dict(read_frames(tree / "original_sequences/youtube/raw/videos/000.mp4", [3]))
    inside = frames[3][max(y0, 0) : y1, max(x0, 0) : x1]
    assert abs(inside.mean() - found["ffpp/real/raw/000", 3].frame.mean()) < 8


def test_masks_lie_on_the_forged_mouth_and_nowhere_else(built_tree):
    for example in examples(built_tree):
        if not example.label:
            assert not example.mask.any()
            continue
        rows, columns = np.nonzero(example.mask[..., 0])
        left, right = example.keypoints[3:] * 64
        assert set(np.unique(example.mask)) == {0, 255}
        assert 0.01 < example.mask.mean() / 255 < 0.15
        assert abs(rows.mean() - (left[1] + right[1]) / 2) < 6
        assert abs(columns.mean() - (left[0] + right[0]) / 2) < 6


def test_no_person_is_in_two_splits(built_tree):
    people = {
        split: {s for e in examples(built_tree, f"{split}/*/*") for s in e.subjects}
        for split in ("train", "val", "test")
    }
    assert people["train"].isdisjoint(people["val"] | people["test"])
    assert people["val"].isdisjoint(people["test"])


def wait_for_parts(out, count, process):
    """Waits until so many groups of clips are built."""
    deadline = time.monotonic() + 120
    while len(finished_parts(out)) < count:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow  # more than 20 s: two builds in processes of their own, of which Ctrl-C ends one and a kill the other
def test_an_interrupted_then_killed_then_resumed_build_gives_the_same_bytes_as_one_with_two_workers(
    built_tree, tree, tmp_path
):
    out = tmp_path / "stopped"
    arguments = ["--root", str(tree), "--out", str(out), "--workers", "1", *ARGUMENTS]
    program = f"import sys; from experiments.cli.main import main; sys.argv[1:] = {['build', *arguments]!r}; main()"
    command = [sys.executable, "-c", f"import signal; signal.signal(2, signal.default_int_handler); {program}"]
    options = {"cwd": REPOSITORY, "stdout": subprocess.DEVNULL, "text": True}
    # A process group like a terminal's, so that workers are interrupted, too.
    process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True, **options)
    wait_for_parts(out, 1, process)
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 1
    assert "Interrupted" in errors
    assert "Traceback" not in errors

    done = len(finished_parts(out))
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL, **options)
    wait_for_parts(out, done + 1, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert done < len(finished_parts(out)) < 6
    assert not (out / "manifest.json").exists()
    # A kill at other moments leaves temporary files of a part, a shard or the manifest.
    (out / PARTS / ".test-004.tmp-1-ab.tfrecord").write_bytes(b"half")
    (out / "test" / "c40").mkdir(parents=True)
    (out / "test/c40/.real-00000-of-00001.tmp-1-ab.tfrecord").write_bytes(b"half")
    (out / ".manifest.tmp-1-ab.json").write_bytes(b"half")

    printed = []
    build_records(find_clips(tree), out, OPTIONS, say=printed.append, run=in_this_process)
    assert any("Resuming" in line and "of 6 groups of clips are done" in line for line in printed)
    assert content(out) == content(built_tree)


def test_finished_records_are_not_changed(built_tree, tree):
    before, printed = content(built_tree), []
    manifest = build_records(find_clips(tree), built_tree, OPTIONS, say=printed.append)
    assert printed == [f"{built_tree} is finished already."]
    assert content(built_tree) == before
    assert manifest.counts == Manifest.load(built_tree).counts


@pytest.mark.parametrize("change", [{"size": 65}, {"frames_train": 5}, {"burst": 2}, {"keypoints_from": "self"}])
def test_other_options_in_the_same_folder_are_refused(built_tree, tree, change):
    with pytest.raises(DataError, match=f"another {next(iter(change))}.*another --out"):
        build_records(find_clips(tree), built_tree, dataclasses.replace(OPTIONS, **change))


def test_other_videos_in_the_same_folder_are_refused(built_tree, tree):
    with pytest.raises(DataError, match="records of videos that this command does not build"):
        build_records(find_clips(tree, compressions=["c40"]), built_tree, OPTIONS)


def test_a_folder_with_other_files_is_refused(tree, tmp_path):
    (tmp_path / "thesis.tex").write_text("mine")
    with pytest.raises(DataError, match="is not empty and holds no records"):
        build_records(find_clips(tree), tmp_path, OPTIONS)


@pytest.mark.slow
def test_bad_videos_become_skips_and_the_others_are_built(tree, tmp_path):
    data = copy_of(tree, tmp_path)
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
    skips = {skip.clip: skip for skip in Manifest.load(out).skips}
    assert skips.keys() == {"ffpp/Deepfakes/c40/000_001", "ffpp/Deepfakes/c40/002_003", "ffpp/real/c40/004"}
    assert "000_001.mp4 does not open as a video" in skips["ffpp/Deepfakes/c40/000_001"].reason
    assert "002_003.mp4 is missing" in skips["ffpp/Deepfakes/c40/002_003"].reason
    assert "004.mp4 does not open" in skips["ffpp/real/c40/004"].reason
    assert skips["ffpp/real/c40/004"].label == 0
    assert "3 clips were skipped" in result.output
    assert all(clip in result.output for clip in skips)
    assert Manifest.load(out).counts["test"]["c40"] == {"real": 4, "Deepfakes": 8}


def test_an_empty_folder_is_an_error(tmp_path):
    result = CliRunner().invoke(command, ["--root", str(tmp_path), "--out", str(tmp_path / "out")])
    assert isinstance(result.exception, DataError)
    assert "holds no FaceForensics++" in str(result.exception)
    assert not (tmp_path / "out").exists()


def test_splits_that_name_only_missing_videos_are_an_error(tree, tmp_path):
    data = copy_of(tree, tmp_path)
    shutil.rmtree(data / "manipulated_sequences")
    for path in data.glob("original_sequences/**/*.mp4"):
        path.rename(path.with_name(f"9{path.name[1:]}"))
    with pytest.raises(DataError, match=r"There is no clip to build.*000\.mp4 is missing"):
        build_records(find_clips(data), tmp_path / "out", OPTIONS)


def test_a_full_disk_is_named_and_leaves_no_finished_part(tree, tmp_path):
    group = group_of_005(tree)
    (tmp_path / PARTS).mkdir()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, before[1]))  # acts like a full disk
    try:
        with pytest.raises(DataError, match=r"test-005\.tfrecord cannot be written.*Make room"):
            build_part(group, tmp_path, OPTIONS, "print")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert list((tmp_path / PARTS).iterdir()) == []


def test_two_workers_may_build_the_same_part(tree, tmp_path):
    """A cluster starts a task again if it takes the worker for lost: one attempt ends while the other writes."""
    group = group_of_005(tree)
    (tmp_path / PARTS).mkdir()
    build_part(group, tmp_path, OPTIONS, "print")
    path = tmp_path / PARTS / "test-005.tfrecord"
    part = path.read_bytes()
    with scratch_folder(tmp_path, "test-005") as scratch:
        (scratch / "0.avi").write_bytes(b"half")
        with record_writer(path) as other:
            other.write(b"half")
            build_part(group, tmp_path, OPTIONS, "print")
            assert path.read_bytes() == part
        assert (scratch / "0.avi").read_bytes() == b"half"
    assert sorted(path.name for path in (tmp_path / PARTS).iterdir()) == ["test-005.json", "test-005.tfrecord"]


def test_a_second_build_into_one_folder_is_refused(tree, tmp_path):
    message = rf"Another process is building into {tmp_path / 'out'}"
    with locked(tmp_path / "out", "building into"), pytest.raises(DataError, match=message):
        build_records(find_clips(tree), tmp_path / "out", OPTIONS, run=in_this_process)
    assert list((tmp_path / "out").iterdir()) == []


def test_a_file_as_the_folder_of_records_is_refused(tree, tmp_path):
    (tmp_path / "out").write_text("a letter")
    with pytest.raises(DataError, match=r"out cannot be made a folder.*give another --out"):
        build_records(find_clips(tree), tmp_path / "out", OPTIONS)


def test_the_index_of_a_part_names_every_record(tree, tmp_path):
    (tmp_path / PARTS).mkdir()
    build_part(group_of_005(tree), tmp_path, OPTIONS, "print")
    index = PartIndex.load(tmp_path / PARTS / "test-005.json")
    assert index.fingerprint == "print"
    assert len(index.records) == 8
    assert index.records[0].key == "ffpp/real/c40/005#1"
    assert {clip.group for clip in index.clips.values()} == {"test-005"}
