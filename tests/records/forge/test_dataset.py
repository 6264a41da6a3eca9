"""The whole data set: FaceForensics++'s layout, splits, the same bytes each time, resuming, refusing."""

from __future__ import annotations

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from hashlib import md5

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli.forge import forge
from records.errors import DataError
from records.footage.video import info, read_frames
from records.forge import dataset
from records.forge.dataset import forge_dataset, split_pairs
from records.forge.manipulations import METHODS
from records.forge.pair import Layout
from records.sources.ffpp import find_clips

OPTIONS = {"identities": 6, "frames": 2, "size": 96, "seed": 3, "compressions": ("raw", "c40")}
NAMES = [f"{number:03d}" for number in range(6)]


def silent(line):
    """Says nothing."""


def content(folder):
    """Relative path -> size and hash of every file: a failure names the files that differ, not their bytes."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): (path.stat().st_size, md5(path.read_bytes()).hexdigest()) for path in files}


def differing(folder, other):
    """The files that are not the same in two folders."""
    one, two = content(folder), content(other)
    return {name: (one.get(name), two.get(name)) for name in {*one, *two} if one.get(name) != two.get(name)}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("forged") / "data"
    forge_dataset("rendered", folder, **OPTIONS, workers=2, say=silent)
    return folder


@pytest.fixture(scope="module")
def pairs(root):
    return {split: json.loads((root / "splits" / f"{split}.json").read_text()) for split in ("train", "val", "test")}


def test_the_tree_is_that_of_faceforensics(root, pairs):
    expected = {f"original_sequences/youtube/{c}/videos/{name}.mp4" for c in ("raw", "c40") for name in NAMES}
    for a, b in itertools.chain.from_iterable(pairs.values()):
        for name in (f"{a}_{b}", f"{b}_{a}"):
            for method in METHODS:
                expected |= {f"manipulated_sequences/{method}/{c}/videos/{name}.mp4" for c in ("raw", "c40", "masks")}
    assert {path for path in content(root) if path.endswith(".mp4")} == expected
    assert not (root / ".forge").exists()


def test_splits_hold_every_identity_once(pairs):
    assert sorted(name for split in pairs.values() for pair in split for name in pair) == NAMES
    assert all(pairs.values())


@pytest.mark.parametrize(("count", "sizes"), [(3, (1, 1, 1)), (10, (8, 1, 1)), (60, (44, 8, 8)), (500, (360, 70, 70))])
def test_splits_have_faceforensics_shares(count, sizes):
    splits = split_pairs([(str(number), "x") for number in range(count)])
    assert tuple(len(splits[split]) for split in ("train", "val", "test")) == sizes


def test_the_source_of_the_build_reads_it(root):
    found = find_clips(root)
    clips, skips = found.clips, found.skips
    assert not skips
    assert len(clips) == 2 * 6 * (1 + len(METHODS))
    assert sum(bool(clip.notes["decoy"]) for clip in clips if not clip.label) == 2 * 3  # half of the reals, twice


def test_videos_have_their_size_and_length(root):
    for path in root.rglob("*.mp4"):
        about = info(path)
        assert (about.frames, about.width, about.height) == (2, 96, 96)


def test_real_and_fake_differ_inside_the_mask_alone(root, pairs):
    a, b = pairs["train"][0]
    layout = Layout(root)
    real = [frame for _, frame in read_frames(layout.original("raw", a))]
    for method in METHODS:
        fake = [frame for _, frame in read_frames(layout.manipulated(method, "raw", f"{a}_{b}"))]
        masks = [frame[..., 0] > 128 for _, frame in read_frames(layout.mask(method, f"{a}_{b}"))]
        for one, other, mask in zip(real, fake, masks, strict=True):
            change = np.abs(one.astype(int) - other).mean(axis=2)
            assert change[mask].mean() > 3
            assert change[~mask].mean() < 0.5  # what the mask's soft edge and 4:2:0 colour leave


def test_both_directions_share_decoy_notes(root):
    clips = json.loads((root / "forge.json").read_text())["clips"]
    for name, notes in clips.items():
        target = name.split("/")[1].split("_")[0]
        assert notes["decoy"] == clips[f"original/{target}"]["decoy"]


def test_one_process_writes_the_same_bytes(root, tmp_path):
    forge_dataset("rendered", tmp_path / "again", **OPTIONS, workers=1, say=silent)
    assert differing(tmp_path / "again", root) == {}


def test_an_interrupted_forge_goes_on_to_the_same_bytes(root, pairs, tmp_path):
    """The state after a kill: options, one whole unit, another's first videos, a half-written file."""
    stopped = tmp_path / "stopped"
    forge_dataset("rendered", stopped, **OPTIONS, workers=1, say=silent)
    result = json.loads((stopped / "forge.json").read_text())
    for name in ("forge.json", "README.txt"):
        (stopped / name).unlink()
    shutil.rmtree(stopped / "splits")
    (stopped / ".forge").mkdir()
    (stopped / ".forge" / "options.json").write_text(json.dumps(result["options"]))
    a, b = pairs["val"][0]
    whole = {name: notes for name, notes in result["clips"].items() if {a, b} & set(name.split("/")[1].split("_"))}
    (stopped / ".forge" / f"{a}_{b}.json").write_text(json.dumps(whole))
    c, d = pairs["train"][0]
    Layout(stopped).manipulated("FaceSwap", "c40", f"{d}_{c}").unlink()
    said = []
    forge_dataset("rendered", stopped, **OPTIONS, workers=1, say=said.append)
    assert any("Going on" in line and "1 pairs" in line for line in said)
    assert differing(stopped, root) == {}


@pytest.mark.slow
def test_killed_in_the_middle_it_goes_on_to_the_same_bytes(root, tmp_path):
    out = tmp_path / "killed"
    line = f"forge --faces rendered --out {out} --identities 6 --frames 2 --size 96 --seed 3 --workers 1"
    arguments = [sys.executable, "-m", "tfafsr", *line.split(), "--compressions", "raw", "c40", "--no-probe"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(out.glob(".forge/*_*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (out / "forge.json").exists(), "killed too late to show anything"
    said = []
    forge_dataset("rendered", out, **OPTIONS, workers=2, say=said.append)
    assert any("Going on" in line for line in said)
    assert differing(out, root) == {}


def test_a_whole_data_set_is_left_as_it_is(root):
    before, said = content(root), []
    forge_dataset("rendered", root, **OPTIONS, say=said.append)
    assert "already" in said[0]
    assert content(root) == before


def test_other_options_in_the_same_folder_are_refused(root):
    with pytest.raises(DataError, match="seed 3 is now 4"):
        forge_dataset("rendered", root, **{**OPTIONS, "seed": 4}, say=silent)


def test_a_folder_with_something_else_in_it_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    with pytest.raises(DataError, match="not an empty folder"):
        forge_dataset("rendered", tmp_path, **OPTIONS, say=silent)


def test_damaged_notes_are_named(tmp_path):
    (tmp_path / "forge.json").write_text("{")
    with pytest.raises(DataError, match=r"forge\.json cannot be read"):
        forge_dataset("rendered", tmp_path, **OPTIONS, say=silent)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"identities": 7}, "--identities is 7"),
        ({"identities": 4}, "--identities is 4"),
        ({"size": 97}, "--size is 97"),
        ({"size": 32}, "--size is 32"),
        ({"frames": 0}, "--frames is 0"),
        ({"compressions": ()}, "--compressions"),
    ],
)
def test_options_without_sense_are_named(tmp_path, change, message):
    with pytest.raises(DataError, match=message):
        forge_dataset("rendered", tmp_path / "x", **{**OPTIONS, **change}, say=silent)
    assert not (tmp_path / "x").exists()


def test_the_readme_names_seed_and_options(root):
    text = (root / "README.txt").read_text()
    assert "seed          3" in text
    assert "identities    6" in text
    assert "crf raw 0, c23 23, c40 40" in text
    assert "3 original clips carry" in text


def test_the_command_takes_several_compressions(tmp_path, monkeypatch):
    asked = {}

    def record(faces, out, **options):
        asked.update(options, faces=faces)
        return {"clips": {"original/000": {}}, "skips": [], "options": {"compressions": ["c40"]}}

    monkeypatch.setattr("experiments.cli.forge.forge_dataset", record)
    line = ["--faces", "rendered", "--compressions", "c40", "raw", "--out", str(tmp_path), "--seed", "5", "--no-probe"]
    result = CliRunner().invoke(forge, line)
    assert result.exit_code == 0, result.output
    assert (asked["compressions"], asked["seed"], asked["faces"]) == (("c40", "raw"), 5, "rendered")
    assert "original 1" in result.output


def test_the_version_is_part_of_the_options(root, monkeypatch):
    monkeypatch.setattr(dataset, "VERSION", 99)
    with pytest.raises(DataError, match="version 1 is now 99"):
        forge_dataset("rendered", root, **OPTIONS, say=silent)
