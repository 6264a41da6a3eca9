"""A second run on finished records: what it builds and reuses, and that it resumes after a kill in every state."""

import json
import os
import shutil
from pathlib import Path

import pytest

from records.building.build import build_part, build_records
from records.building.groups import group_clips
from records.building.options import BuildOptions
from records.building.parts import (
    FINISHED,
    PARTS,
    REUSED,
    PartIndex,
    PartRecord,
    finished_parts,
    index_file,
    load_indices,
    read_record,
)
from records.errors import DataError
from records.shards import MANIFEST_FILE, Manifest, SkipEntry, verify
from records.sources.ffpp import find_clips
from tests.records.written import content

OPTIONS = BuildOptions(size=64, frames_train=2, frames_eval=2)
MISSING = "manipulated_sequences/Deepfakes/c40/videos/000_001.mp4"
GROUP = "train-000"


class Killed(Exception):
    """Simulates a kill of the program."""


def run_tasks(tasks, stop_after=None):
    """Runs tasks in this process; raises `Killed` after `stop_after` of them."""
    for number, task in enumerate(tasks):
        if number == stop_after:
            raise Killed
        yield build_part(*task)
    if stop_after is not None:
        raise Killed


def run(root, out, stop_after=None, printed=None):
    say = printed.append if printed is not None else lambda line: None
    return build_records(find_clips(root), out, OPTIONS, say=say, run=lambda tasks: run_tasks(tasks, stop_after))


def run_and_kill(root, out, after):
    """Runs a build that is killed after so many tasks."""
    with pytest.raises(Killed):
        run(root, out, stop_after=after)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, write_tree):
    return write_tree(tmp_path_factory.mktemp("whole") / "data")


@pytest.fixture(scope="module")
def fresh(whole, tmp_path_factory):
    """Records built in one run from the complete data set."""
    out = tmp_path_factory.mktemp("fresh") / "records"
    run(whole, out)
    return out


@pytest.fixture(scope="module")
def lacking(whole, tmp_path_factory):
    """(a data set that lacks one clip, the records built from it)."""
    folder = tmp_path_factory.mktemp("lacking")
    root = Path(shutil.copytree(whole, folder / "data"))
    (root / MISSING).unlink()
    run(root, folder / "records")
    return root, folder / "records"


@pytest.fixture
def supplied(lacking, whole, tmp_path):
    """A copy of `lacking` in which the clip was added after the build."""
    root, out = (Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in lacking)
    shutil.copy(whole / MISSING, root / MISSING)
    return root, out


def test_a_second_run_builds_only_the_group_of_the_added_clip(supplied, fresh):
    root, out = supplied
    assert [skip.clip for skip in Manifest.load(out).skips] == ["ffpp/Deepfakes/c40/000_001"]
    printed, built = [], []

    def run_recorded(tasks):
        for task in tasks:
            built.append(task[0].name)
            yield build_part(*task)

    build_records(find_clips(root), out, OPTIONS, say=printed.append, run=run_recorded)
    assert built == [GROUP]
    assert "some videos have changed since" in printed[0]
    assert printed[1] == f"Resuming {out}: 5 of 6 groups of clips are done."
    assert content(out) == content(fresh)
    verify(out)
    run(root, out, printed=printed)
    assert printed[-1] == f"{out} is finished already."


def test_a_clip_that_is_damaged_after_the_build_becomes_a_skip(supplied, fresh, whole):
    root, out = supplied
    good = (root / MISSING).read_bytes()
    (root / MISSING).write_bytes(good[:999])
    run(root, out)
    (skip,) = Manifest.load(out).skips
    assert (skip.clip, skip.group) == ("ffpp/Deepfakes/c40/000_001", GROUP)
    assert "000_001.mp4 does not open" in skip.reason


def kill_before_shards_move(root, out):
    run_and_kill(root, out, after=0)
    undo_moves(out, keep=0)


def kill_half_way_of_moving_shards(root, out):
    run_and_kill(root, out, after=0)
    undo_moves(out, keep=5)


def kill_before_the_last_index(root, out):
    run_and_kill(root, out, after=0)
    (out / PARTS / FINISHED / REUSED).unlink()
    index_file(out, "val-002").unlink()
    index_file(out, "test-005").with_name(".test-005.tmp-1-ab.json").write_text("half")


def kill_after_the_records_are_taken_apart(root, out):
    run_and_kill(root, out, after=0)


def kill_half_way_of_a_part(root, out):
    run_and_kill(root, out, after=0)
    (out / PARTS / f".{GROUP}.tmp-1-ab.tfrecord").write_bytes(b"half")
    (out / PARTS / f"{GROUP}.scratch").mkdir()
    (out / PARTS / f"{GROUP}.tfrecord").write_bytes(b"a part without its index")


def kill_before_the_merge(root, out):
    run_and_kill(root, out, after=1)


def kill_half_way_of_the_merge(root, out):
    run_and_kill(root, out, after=1)
    for split in ("train", "test"):
        (out / split / "c40").mkdir(parents=True, exist_ok=True)
    moved = out / PARTS / FINISHED / "test/c40"
    shutil.copy(next(moved.glob("real-*")), out / "test/c40")  # a shard that was written already
    (out / "train/c40/Deepfakes-00000-of-00001.tfrecord").write_bytes(b"of another run")
    (out / "train/c40/.real-00000-of-00001.tmp-1-ab.tfrecord").write_bytes(b"half")
    (out / ".manifest.tmp-1-ab.json").write_text("{")


def undo_moves(out, keep):
    """Restores the state in which only `keep` shards had been moved into the parts."""
    parts = out / PARTS
    for path in finished_parts(out):
        path.unlink()
    (parts / FINISHED / REUSED).unlink()
    shards = sorted(parts.glob(f"{FINISHED}/*/*/*.tfrecord"))
    assert len(shards) > keep
    for path in shards[keep:]:
        os.replace(path, out / path.relative_to(parts / FINISHED))


@pytest.mark.parametrize(
    "kill",
    [
        kill_before_shards_move,
        kill_half_way_of_moving_shards,
        kill_before_the_last_index,
        kill_after_the_records_are_taken_apart,
        kill_half_way_of_a_part,
        kill_before_the_merge,
        kill_half_way_of_the_merge,
    ],
)
def test_a_second_run_resumed_after_a_kill_gives_the_bytes_of_a_fresh_build(supplied, fresh, kill):
    root, out = supplied
    kill(root, out)
    assert not (out / MANIFEST_FILE).exists()
    with pytest.raises(DataError, match="no finished records"):
        Manifest.load(out)
    printed = []
    run(root, out, printed=printed)
    done = 6 if "merge" in kill.__name__ else 5
    assert printed == [f"Resuming {out}: {done} of 6 groups of clips are done."]
    assert content(out) == content(fresh)


def test_a_build_killed_after_its_manifest_is_finished(supplied, fresh):
    root, out = supplied
    run(root, out)
    (out / PARTS / FINISHED).mkdir(parents=True)
    (out / PARTS / "build.json").write_text("{")
    printed = []
    run(root, out, printed=printed)
    assert printed == [f"{out} is finished already."]
    assert content(out) == content(fresh)


def test_a_clip_added_between_the_kill_and_the_next_run_is_built_too(whole, fresh, tmp_path):
    root, out, later = (
        Path(shutil.copytree(whole, tmp_path / "data")),
        tmp_path / "out",
        MISSING.replace("000_001", "004_005"),
    )
    for name in (MISSING, later):
        (root / name).unlink()
    run(root, out)
    shutil.copy(whole / MISSING, root / MISSING)
    run_and_kill(root, out, after=0)
    shutil.copy(whole / later, root / later)
    printed = []
    run(root, out, printed=printed)
    assert printed == [f"Resuming {out}: 4 of 6 groups of clips are done."]
    assert content(out) == content(fresh)


def test_a_resumed_build_names_finished_clips_that_are_left_out(whole, tmp_path):
    root, out = Path(shutil.copytree(whole, tmp_path / "data")), tmp_path / "records"
    run_and_kill(root, out, after=3)
    built = sorted(video for index in load_indices(out).values() for video in index.clips)
    method, name = built[0].split("/c40/")
    (root / "manipulated_sequences" / Path(method).name / f"c40/videos/{name}.mp4").unlink()
    printed = []
    run(root, out, printed=printed)
    assert printed[0].startswith(f"1 videos that were built before, such as {built[0]}, are left out")
    assert built[0] not in Manifest.load(out).clips


def test_records_of_videos_that_are_missing_now_are_kept(supplied):
    root, out = supplied
    (root / MISSING.replace("000_001", "002_003")).unlink()
    before = content(out)
    with pytest.raises(DataError, match="this command does not build, such as ffpp/Deepfakes/c40/002_003"):
        run(root, out)
    assert content(out) == before


def test_damaged_records_are_not_reused(supplied):
    root, out = supplied
    shard = next(out.glob("val/c40/real-*"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match=rf"{shard.name} is damaged"):
        run(root, out)


def test_the_indices_of_reused_groups_name_the_place_of_each_record(supplied):
    root, out = supplied
    run_and_kill(root, out, after=0)
    indices = load_indices(out)
    assert indices.keys() == {group.name for group in group_clips(find_clips(root).clips)} - {GROUP}
    for index in indices.values():
        assert len(index.records) == sum(clip.frames_scored for clip in index.clips.values()) > 0
        for place in index.records:
            assert place.file == f"{FINISHED}/{place.split}/{place.compression}/{place.method}-00000-of-00001.tfrecord"
            assert place.key.rpartition("#")[0].encode() in read_record(out, place)
    assert json.loads((out / PARTS / FINISHED / REUSED).read_text()) == sorted(indices)


@pytest.mark.parametrize("text", ["{", "[]", '{"fingerprint": 1, "clips": {}, "skips": [], "records": []}', "\xff"])
def test_a_damaged_index_is_named(tmp_path, text):
    path = tmp_path / "train-000.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"train-000\.json is damaged.*remove it"):
        PartIndex.load(path)


def test_a_written_index_is_read_unchanged(tmp_path):
    index = PartIndex("print", skips=[SkipEntry("ffpp/real/c40/000", 0, "é", "train", "train-000")])
    index.records.append(PartRecord("train", "c40", "real", "a#1", "train-000.tfrecord", 12, 34))
    index.save(tmp_path, "train-000")
    assert load_indices(tmp_path) == {"train-000": index}
