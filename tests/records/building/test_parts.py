"""Finished records taken apart: what a second run builds, and every state that a kill leaves in the middle of it."""

import json
import os
import shutil
from pathlib import Path

import pytest

from records.building.build import PARTS, build, build_unit, units_of
from records.building.options import BuildOptions
from records.building.parts import BEFORE, TAKEN, index_file, read_json, write_json
from records.errors import DataError
from records.shards.manifest import MANIFEST_FILE, Manifest, verify
from records.sources.ffpp import find_clips
from tests.records.written import content

OPTIONS = BuildOptions(size=64, frames_train=2, frames_eval=2)
MISSING = "manipulated_sequences/Deepfakes/c40/videos/000_001.mp4"
UNIT = "train-000"


class Killed(Exception):
    """What stands for a kill: nothing of the program runs after it."""


def here(tasks, stop_after=None):
    """Runs tasks in this process; is killed after so many of them."""
    for number, task in enumerate(tasks):
        if number == stop_after:
            raise Killed
        yield build_unit(*task)
    if stop_after is not None:
        raise Killed


def run(root, out, stop_after=None, said=None):
    say = said.append if said is not None else lambda line: None
    return build(find_clips(root), out, OPTIONS, say=say, run=lambda tasks: here(tasks, stop_after))


def killed(root, out, after):
    """A second run that is killed after so many tasks."""
    with pytest.raises(Killed):
        run(root, out, stop_after=after)


@pytest.fixture(scope="module")
def whole(tmp_path_factory, write_tree):
    return write_tree(tmp_path_factory.mktemp("whole") / "data")


@pytest.fixture(scope="module")
def fresh(whole, tmp_path_factory):
    """The content of records built in one go from the whole data set."""
    out = tmp_path_factory.mktemp("fresh") / "records"
    run(whole, out)
    return out


@pytest.fixture(scope="module")
def lacking(whole, tmp_path_factory):
    """(data set, records): of a data set that lacks one clip, and the records built from that."""
    folder = tmp_path_factory.mktemp("lacking")
    root = Path(shutil.copytree(whole, folder / "data"))
    (root / MISSING).unlink()
    run(root, folder / "records")
    return root, folder / "records"


@pytest.fixture
def supplied(lacking, whole, tmp_path):
    """The same, the clip supplied after the build."""
    root, out = (Path(shutil.copytree(folder, tmp_path / folder.name)) for folder in lacking)
    shutil.copy(whole / MISSING, root / MISSING)
    return root, out


def test_a_second_run_builds_what_was_missing_and_nothing_else(supplied, fresh):
    root, out = supplied
    assert [skip["clip"] for skip in Manifest.load(out).skips] == ["ffpp/Deepfakes/c40/000_001"]
    said, built = [], []

    def watched(tasks):
        for task in tasks:
            built.append(task[0])
            yield build_unit(*task)

    build(find_clips(root), out, OPTIONS, say=said.append, run=watched)
    assert built == [UNIT]
    assert "the videos have changed since" in said[0]
    assert said[1] == f"Resuming {out}: 5 of 6 people are done."
    assert content(out) == content(fresh)
    verify(out)
    run(root, out, said=said)
    assert said[-1] == f"{out} is finished already."


def test_a_replaced_clip_is_built_anew_and_a_damaged_one_becomes_a_skip(supplied, fresh, whole):
    root, out = supplied
    good = (root / MISSING).read_bytes()
    (root / MISSING).write_bytes(good[:999])
    run(root, out)
    (skip,) = Manifest.load(out).skips
    assert (skip["clip"], skip["unit"]) == ("ffpp/Deepfakes/c40/000_001", UNIT)
    assert "000_001.mp4 does not open" in skip["reason"]


def kill_before_shards_move(root, out):
    killed(root, out, after=0)
    undo_moves(out, keep=0)


def kill_half_way_of_moving_shards(root, out):
    killed(root, out, after=0)
    undo_moves(out, keep=5)


def kill_before_the_last_index(root, out):
    killed(root, out, after=0)
    (out / PARTS / BEFORE / TAKEN).unlink()
    index_file(out, "val-002").unlink()
    index_file(out, "test-005").with_name("test-005.json.tmp").write_text("half")


def kill_after_the_records_are_taken_apart(root, out):
    killed(root, out, after=0)


def kill_half_way_of_a_part(root, out):
    killed(root, out, after=0)
    (out / PARTS / f"{UNIT}.tfrecord.tmp").write_bytes(b"half")
    (out / PARTS / f"{UNIT}.scratch").mkdir()
    (out / PARTS / f"{UNIT}.tfrecord").write_bytes(b"a part without its index")


def kill_before_the_merge(root, out):
    killed(root, out, after=1)


def kill_half_way_of_the_merge(root, out):
    killed(root, out, after=1)
    for split in ("train", "test"):
        (out / split / "c40").mkdir(parents=True, exist_ok=True)
    moved = out / PARTS / BEFORE / "test/c40"
    shutil.copy(next(moved.glob("real-*")), out / "test/c40")  # one shard is there
    (out / "train/c40/Deepfakes-00000-of-00001.tfrecord").write_bytes(b"of another run")
    (out / "train/c40/real-00000-of-00001.tfrecord.tmp").write_bytes(b"half")
    (out / f"{MANIFEST_FILE}.tmp").write_text("{")


def undo_moves(out, keep):
    """As it was when `keep` shards had been moved aside."""
    parts = out / PARTS
    for path in parts.glob("*-*.json"):
        path.unlink()
    (parts / BEFORE / TAKEN).unlink()
    shards = sorted(parts.glob(f"{BEFORE}/*/*/*.tfrecord"))
    assert len(shards) > keep
    for path in shards[keep:]:
        os.replace(path, out / path.relative_to(parts / BEFORE))


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
def test_killed_in_the_middle_of_a_second_run_it_gives_a_fresh_builds_bytes(supplied, fresh, kill):
    root, out = supplied
    kill(root, out)
    assert not (out / MANIFEST_FILE).exists()
    with pytest.raises(DataError, match="no finished records"):
        Manifest.load(out)
    said = []
    run(root, out, said=said)
    done = 6 if "merge" in kill.__name__ else 5
    assert said == [f"Resuming {out}: {done} of 6 people are done."]
    assert content(out) == content(fresh)


def test_killed_between_the_manifest_and_the_last_removal(supplied, fresh):
    root, out = supplied
    run(root, out)
    (out / PARTS / BEFORE).mkdir(parents=True)
    (out / PARTS / "build.json").write_text("{")
    said = []
    run(root, out, said=said)
    assert said == [f"{out} is finished already."]
    assert content(out) == content(fresh)


def test_what_comes_between_the_kill_and_the_next_run_is_built_too(whole, fresh, tmp_path):
    root, out, later = (
        Path(shutil.copytree(whole, tmp_path / "data")),
        tmp_path / "out",
        MISSING.replace("000_001", "004_005"),
    )
    for name in (MISSING, later):
        (root / name).unlink()
    run(root, out)
    shutil.copy(whole / MISSING, root / MISSING)
    killed(root, out, after=0)
    shutil.copy(whole / later, root / later)
    said = []
    run(root, out, said=said)
    assert said == [f"Resuming {out}: 4 of 6 people are done."]
    assert content(out) == content(fresh)


def test_a_resumed_build_says_what_is_not_asked_for_any_more(whole, tmp_path):
    root, out = Path(shutil.copytree(whole, tmp_path / "data")), tmp_path / "records"
    killed(root, out, after=3)
    built = sorted(video for path in (out / PARTS).glob("*-*.json") for video in read_json(path)["clips"])
    method, name = built[0].split("/c40/")
    (root / "manipulated_sequences" / Path(method).name / f"c40/videos/{name}.mp4").unlink()
    said = []
    run(root, out, said=said)
    assert said[0].startswith(f"1 videos that were built before, such as {built[0]}, are not asked for now")
    assert built[0] not in Manifest.load(out).clips


def test_records_of_what_is_gone_are_not_thrown_away(supplied):
    root, out = supplied
    (root / MISSING.replace("000_001", "002_003")).unlink()
    before = content(out)
    with pytest.raises(DataError, match=r"other videos, such as ffpp/Deepfakes/c40/002_003, which are not asked for"):
        run(root, out)
    assert content(out) == before


def test_damaged_records_are_not_taken_over(supplied):
    root, out = supplied
    shard = next(out.glob("val/c40/real-*"))
    shard.write_bytes(shard.read_bytes()[:-1] + b"?")
    with pytest.raises(DataError, match=rf"{shard.name} is damaged"):
        run(root, out)


def test_every_record_is_where_its_index_says(supplied):
    root, out = supplied
    killed(root, out, after=0)
    names = {path.stem for path in (out / PARTS).glob("*-*.json")}
    assert names == set(units_of(find_clips(root).clips)) - {UNIT}
    for name in names:
        index = read_json(index_file(out, name))
        assert len(index["keys"]) == sum(clip["frames_scored"] for clip in index["clips"].values()) > 0
        for split, compression, method, key, part, offset, length in index["keys"]:
            assert part == f"{BEFORE}/{split}/{compression}/{method}-00000-of-00001.tfrecord"
            record = (out / PARTS / part).read_bytes()[offset : offset + length]
            assert key.rpartition("#")[0].encode() in record
    assert json.loads((out / PARTS / BEFORE / TAKEN).read_text()) == sorted(names)


def test_json_is_whole_or_not_there(tmp_path):
    write_json(tmp_path / "new" / "a.json", {"x": [1, "é"]})
    assert read_json(tmp_path / "new" / "a.json") == {"x": [1, "é"]}
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.json"]
    (tmp_path / "b.json.tmp").symlink_to("/dev/full")
    with pytest.raises(DataError, match=r"b\.json cannot be written.*Make room"):
        write_json(tmp_path / "b.json", {"x": "y" * 10_000})
    for text in ("{", "\xff"):
        (tmp_path / "c.json").write_text(text, encoding="latin-1")
        with pytest.raises(DataError, match=r"c\.json is damaged.*remove it"):
            read_json(tmp_path / "c.json")
