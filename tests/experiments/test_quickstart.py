"""The quickstart: its command lines, and one small run of all steps."""

import json

import cv2
import pytest

from experiments.cli.main import cli
from experiments.quickstart import COMPRESSIONS, quickstart
from records.errors import DataError
from records.shards import Manifest

SMALLER = {
    "forge": ("--size", "128", "--workers", "1"),
    "build": ("--workers", "1"),
    "train": ("--width", "4", "--blocks", "1", "--batch-size", "8"),
    "verify": ("--no-latency",),
}
"""What the whole run adds to its command lines: smaller pictures and networks, fewer processes, no latency."""
STEPS = ["forge", "build", "train", "evaluate", "evaluate", "evaluate", "report"]


class Recorded:
    """Parses each command line as the command itself would, and leaves the files that the quickstart looks for."""

    def __init__(self):
        self.names = []

    def __call__(self, arguments):
        name, *rest = arguments
        self.names.append(name)
        values = cli.get_command(None, name).make_context(name, rest).params
        if name == "evaluate":
            nothing = {"auc": None, "auc_ci95": None, "n": 0}
            share = {"rate": None, "ci95": None, "n": 0}
            errors = {"threshold": 0.5, "frame": {"false_alarms": share, "misses": share}}
            values["out"].parent.mkdir(exist_ok=True)
            measured = {"frame": nothing, "video": nothing, "per_method": {}, "not_trained_on": [], "errors": errors}
            values["out"].write_text(json.dumps(measured))
        if name == "export" and values["form"] == "savedmodel":
            (values["out"] / "1").mkdir(parents=True)
        elif name == "export":
            values["out"].touch()


def test_the_command_lines_are_such_as_a_user_types_and_exports_are_not_repeated(tmp_path):
    recorded = Recorded()
    out = tmp_path / "a folder"
    assert set(quickstart(out, 1, recorded, epochs=1)) == set(COMPRESSIONS)
    assert recorded.names == [*STEPS, *["export"] * 4, "verify"]
    recorded.names.clear()
    quickstart(out, 1, recorded)
    assert recorded.names == [*STEPS, "verify"]


def test_a_model_that_answers_otherwise_is_an_error(tmp_path):
    with pytest.raises(DataError, match=r"tfafsr forge .* does not answer like the Keras model"):
        quickstart(tmp_path, 1, lambda _: 1)


@pytest.mark.slow  # more than 20 s: every command does its work once, from drawing and x264 to training and exports
def test_from_nothing_to_a_report(tmp_path, capfd):
    def run_command(arguments):
        return cli.main([*arguments, *SMALLER.get(arguments[0], ())], standalone_mode=False)

    results = quickstart(tmp_path, 1, run_command, identities=6, frames=1, epochs=1, steps=2, quantize=())
    for compression, metrics in results.items():
        assert set(metrics["per_method"]) == {"Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures", "SelfBlended"}
        coverage = metrics["coverage"]
        assert coverage["frames_scored"] + coverage["frames_without_face"] == coverage["clips"]
        assert metrics["compression"] == compression
        assert "decoys" in metrics
        assert [part["side"] for part in metrics["sizes"]] == [32, 16]
    clips = Manifest.load(tmp_path / "records").clips.values()
    people = {
        split: {one for clip in clips if clip.split == split for one in clip.subjects}
        for split in ("train", "val", "test")
    }
    assert sum(len(group) for group in people.values()) == len(set.union(*people.values())) == 6
    for name in ("roc.png", "losses.png", "faces.png", "reliability.png"):
        assert cv2.imread(str(tmp_path / "report" / name)) is not None
    printed = capfd.readouterr().out
    assert "tested on people never seen" in printed
    assert "16 pixels" in printed
    assert "SavedModel" in printed
    assert (tmp_path / "models" / "tfafsr" / "1" / "saved_model.pb").is_file()
    # A header; two levels of all methods, two smaller sizes and five methods at each of three compressions.
    assert len((tmp_path / "results.csv").read_text().splitlines()) == 1 + 3 * 2 * (1 + 2 + 5)
