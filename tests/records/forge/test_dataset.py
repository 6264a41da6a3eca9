"""The forged data set: FaceForensics++'s layout, splits, the same bytes each time, resuming after a kill."""

import itertools
import json
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from experiments.cli.forge import forge
from records.errors import DataError
from records.footage import Footage, info, read_frames
from records.forge import forge_dataset
from records.forge.dataset import split_pairs
from records.forge.manipulations import METHODS
from records.forge.tree import WORKING, Tree
from records.sources.ffpp import find_clips
from tests.records.forge.conftest import silent
from tests.records.forge.contents import content, media

NAMES = [f"{number:03d}" for number in range(6)]


@pytest.fixture(scope="module")
def pairs(v3):
    return {split: json.loads((v3 / "splits" / f"{split}.json").read_text()) for split in ("train", "val", "test")}


def frames_of(path):
    return [frame for _, frame in read_frames(Footage(path))]


def test_the_tree_is_that_of_faceforensics(v3, pairs):
    expected = {f"original_sequences/youtube/{c}/videos/{name}.mp4" for c in ("raw", "c40") for name in NAMES}
    for a, b in itertools.chain.from_iterable(pairs.values()):
        for name in (f"{a}_{b}", f"{b}_{a}"):
            for method in METHODS:
                expected |= {f"manipulated_sequences/{method}/{c}/videos/{name}.mp4" for c in ("raw", "c40", "masks")}
    assert {path for path in content(v3) if path.endswith(".mp4")} == expected
    assert not (v3 / ".forge").exists()


def test_splits_hold_every_identity_once(pairs):
    assert sorted(name for split in pairs.values() for pair in split for name in pair) == NAMES
    assert all(pairs.values())


@pytest.mark.parametrize(("count", "sizes"), [(3, (1, 1, 1)), (10, (8, 1, 1)), (60, (44, 8, 8)), (500, (360, 70, 70))])
def test_splits_have_faceforensics_shares(count, sizes):
    splits = split_pairs([(str(number), "x") for number in range(count)])
    assert tuple(len(splits[split]) for split in ("train", "val", "test")) == sizes


def test_the_data_set_is_read_by_the_source_of_faceforensics(v3):
    found = find_clips(v3)
    clips, skips = found.clips, found.skips
    assert not skips
    assert len(clips) == 2 * 6 * (1 + len(METHODS))
    decoys = sum(bool(clip.notes["decoy"]) for clip in clips if not clip.label)
    assert decoys == 2 * 3  # half of the real clips, at two compressions


def test_videos_have_their_size_and_length(v3):
    for path in v3.rglob("*.mp4"):
        header = info(Footage(path))
        assert (header.frames, header.width, header.height) == (3, 96, 96)


def test_real_and_fake_differ_only_inside_the_mask(v3, pairs):
    a, b = pairs["train"][0]
    tree = Tree(v3)
    real = frames_of(tree.original("raw", a))
    for method in METHODS:
        fake = frames_of(tree.manipulated(method, "raw", f"{a}_{b}"))
        masks = [frame[..., 0] > 128 for frame in frames_of(tree.mask(method, f"{a}_{b}"))]
        for real_frame, fake_frame, mask in zip(real, fake, masks, strict=True):
            change = np.abs(real_frame.astype(int) - fake_frame).mean(axis=2)
            assert change[mask].mean() > 3
            assert change[~mask].mean() < 0.5  # not 0 because of the mask's soft edge and 4:2:0 colour


def test_a_fake_has_the_decoy_of_its_original(v3):
    clips = json.loads((v3 / "forge.json").read_text())["clips"]
    for name, notes in clips.items():
        target = name.split("/")[1].split("_")[0]
        assert notes["decoy"] == clips[f"original/{target}"]["decoy"]


def test_the_readme_names_seed_and_options(v3):
    text = (v3 / "README.txt").read_text()
    assert "seed          3" in text
    assert "identities    6" in text
    assert "crf raw 0, c40 40" in text
    assert "3 original clips carry" in text


@pytest.fixture(scope="module")  # more than 20 s: a data set is made, in two processes after each other
def resumed(v3, options, pairs, tmp_path_factory):
    """(folder, result, lines) of a data set in another layout that one process made, was killed, and another ended.

    When it is killed, one pair is complete, or two; of the last pair there are some videos, one of which is cut off.
    """
    out = tmp_path_factory.mktemp("resumed") / "killed"
    line = f"forge --faces rendered --out {out} --identities 6 --frames 3 --size 96 --seed 3 --workers 1 --layout c0"
    arguments = [sys.executable, "-m", "tfafsr", *line.split(), "--compressions", "raw", "c40", "--no-probe"]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    unfinished = out / WORKING / "v3"
    deadline = time.monotonic() + 120
    while not list(unfinished.glob(".forge/*_*.json")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (unfinished / "forge.json").exists(), "killed after its end"
    c, d = pairs["test"][0]
    there, complete = Tree(unfinished), Tree(v3)
    assert not there.pair_notes((c, d)).exists(), "killed after its end"
    shutil.copy(complete.manipulated("FaceSwap", "c40", f"{d}_{c}"), there.manipulated("FaceSwap", "c40", f"{d}_{c}"))
    there.original("raw", c).write_bytes(b"half of a video")
    printed = []
    result = forge_dataset(replace(options, layout="c0"), out, workers=1, say=printed.append)
    return out, result, printed


@pytest.mark.slow
def test_one_process_that_resumes_after_a_kill_gives_the_same_bytes(v3, resumed):
    out, _, printed = resumed
    assert any("Resuming" in line and "pairs" in line for line in printed)
    assert not any("Training" in line or "training" in line for line in printed)
    assert media(out) == {name.replace("/raw/", "/c0/"): value for name, value in media(v3).items()}


@pytest.mark.slow
def test_another_layout_has_its_own_notes_and_stays_as_it_is(v3, options, resumed):
    out, result, printed = resumed
    assert sorted(path.name for path in out.iterdir()) == [
        *("README.txt", "forge.json", "manipulated_sequences", "original_sequences", "splits"),
    ]
    notes = json.loads((out / "forge.json").read_text())
    assert notes == result
    assert notes["options"]["layout"] == "c0"
    assert notes["clips"] == json.loads((v3 / "forge.json").read_text())["clips"]
    assert "tfafsr forge --layout c0" in (out / "README.txt").read_text()

    printed.clear()
    before = content(out)
    forge_dataset(replace(options, layout="c0"), out, say=printed.append)
    assert printed == [f"{out} is finished already."]
    assert content(out) == before
    for other, was in (("images", "c0"), ("v3", "c0")):
        with pytest.raises(DataError, match=f"layout {was} is now"):
            forge_dataset(replace(options, layout=other), out, say=silent)


def test_the_command_passes_its_options_on(v3, options, tmp_path):
    out = shutil.copytree(v3, tmp_path / "data")
    line = (
        f"--faces rendered --out {out} --identities 6 --frames 3 --size 96 --seed 3 --no-probe --compressions c40 raw"
    )
    result = CliRunner().invoke(forge, line.split())
    assert result.exit_code == 0, result.output
    assert "is finished already" in result.output
    assert "original 6" in result.output
    result = CliRunner().invoke(forge, [*line.split(), "c23"])
    assert "compressions ['raw', 'c40'] is now ['raw', 'c23', 'c40']" in str(result.exception)
