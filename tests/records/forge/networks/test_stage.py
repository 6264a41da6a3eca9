"""Tests of records/forge/networks/stage.py."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from records.forge.networks import paint_networks, read_painted, stage
from records.forge.networks.autoencoder import autoencoder, autoencoder_inputs
from records.forge.networks.faces import crop_everybody
from records.forge.networks.guides import clip_guides
from records.forge.people import RenderedFaces

FACES, NAMES, PAIRS, SEED = RenderedFaces(1, 96, 2), ["000", "001", "002", "003"], [("000", "002"), ("003", "001")], 4
RUN = """
import sys
from pathlib import Path
from records.forge.networks import stage, training
from records.forge.people import RenderedFaces

if __name__ == "__main__":
    stage.LEAST_STEPS = 10
    stage.STEPS_A_PERSON = dict.fromkeys(stage.STEPS_A_PERSON, 1)
    training.SECONDS_BETWEEN_CHECKPOINTS = 0.0
    folder = Path(sys.argv[1])
    arguments = RenderedFaces(1, 96, 2), ["000", "001", "002", "003"], [("000", "002"), ("003", "001")], 4
    stage.paint_networks(*arguments, folder / "painted", folder / "kept", 1, print)
"""


def paint(folder, said=None):
    """Paints two pairs into `folder`, with 10 steps of training."""
    said = said if said is not None else []
    paint_networks(FACES, NAMES, PAIRS, SEED, folder / "painted", folder / "kept", workers=1, say=said.append)


def contents(folder):
    """Path -> bytes of each file in `folder`."""
    return {path.relative_to(folder): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(name="few_steps", autouse=True)
def _few_steps(monkeypatch):
    monkeypatch.setattr(stage, "LEAST_STEPS", 10)
    monkeypatch.setattr(stage, "STEPS_A_PERSON", dict.fromkeys(stage.STEPS_A_PERSON, 1))


@pytest.fixture(name="folder", scope="module")
def _folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stage")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stage, "LEAST_STEPS", 10)
        patch.setattr(stage, "STEPS_A_PERSON", dict.fromkeys(stage.STEPS_A_PERSON, 1))
        paint(folder)
    return folder


def test_both_directions_of_each_pair_are_painted(folder):
    for target, source in (*PAIRS, *(pair[::-1] for pair in PAIRS)):
        painted = read_painted(folder / "painted", target, source)
        assert painted.swapped.shape == painted.mouth.shape == (2, 64, 64, 3)
        assert np.abs(painted.swapped.astype(int) - painted.mouth).mean() > 5


def test_the_kept_weights_are_those_that_paint(folder):
    """A network that is built anew and given the kept weights paints the same pictures."""
    crops = crop_everybody(FACES, NAMES, workers=1)
    network = autoencoder(seed=99)
    with np.load(folder / "kept" / "autoencoder.npz") as content:
        network.set_weights([content[weight.path] for weight in network.weights])
    _, guides = clip_guides(0, *stage._of_clip(crops, 0, 2))
    pictures = network(autoencoder_inputs(crops.pictures[0], guides.persons)).numpy()
    expected = read_painted(folder / "painted", "000", "002").swapped
    np.testing.assert_allclose(np.clip(255 * pictures, 0, 255), expected, atol=0.51)
    assert {path.name for path in (folder / "kept").iterdir()} == {"autoencoder.npz", "mouth.npz"}


@pytest.mark.slow  # it builds both networks
def test_a_damaged_clip_is_painted_again_and_the_others_are_left(folder, monkeypatch):
    before = contents(folder)
    paths = sorted((folder / "painted").glob("0*_0*.npz"))
    times = [path.stat().st_mtime_ns for path in paths]
    paths[0].write_bytes(before[paths[0].relative_to(folder)][:900])
    paint(folder)
    assert contents(folder) == before
    assert [path.stat().st_mtime_ns for path in paths[1:]] == times[1:]
    monkeypatch.setattr(stage, "crop_everybody", None)  # everything is painted: nothing may be made
    paint(folder)


def test_steps_grow_with_the_number_of_people_between_limits(monkeypatch):
    monkeypatch.undo()
    steps = [stage.training_steps("autoencoder", people) for people in (1, 100, 200, 100_000)]
    assert steps[0] == stage.LEAST_STEPS
    assert steps[2] == 2 * steps[1] > 2 * steps[0]
    assert steps[3] == stage.MOST_STEPS


@pytest.mark.slow  # it starts TensorFlow twice
def test_killed_in_each_training_it_goes_on_to_the_same_bytes(folder, tmp_path):
    """The bytes are those of an undisturbed training in another process; its seed is the same."""
    script, killed = tmp_path / "run.py", tmp_path / "killed"
    script.write_text(RUN)
    environment = {**os.environ, "PYTHONPATH": str(Path(stage.__file__).parents[3])}
    printed = tmp_path / "printed.txt"
    with printed.open("w") as output:
        for network in ("autoencoder", "mouth_renderer"):
            process = subprocess.Popen(
                [sys.executable, "-u", script, killed], env=environment, stdout=output, stderr=subprocess.DEVNULL
            )
            checkpoint = killed / "painted" / f"{network}.checkpoint.npz"
            deadline = time.monotonic() + 120
            while not checkpoint.is_file() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
            assert checkpoint.is_file()
    said = []
    paint(killed, said)
    assert "Resuming the training of the autoencoder after" in printed.read_text()
    assert any("Resuming the training of the mouth renderer after" in line for line in said)
    found = {path: content for path, content in contents(killed).items() if ".tmp-" not in path.name}
    assert found == contents(folder)
