"""The whole job, small: real drawing, x264, MTCNN, training, evaluation and report, through the commands themselves."""

import cv2
import pytest

from experiments.cli.main import cli
from experiments.quickstart import COMPRESSIONS, quickstart
from records.shards.manifest import Manifest


@pytest.mark.slow
def test_from_nothing_to_a_report_and_again(tmp_path, capfd):
    lines = []

    def run_command(arguments):
        lines.append(arguments[0])
        return cli.main(arguments, standalone_mode=False)

    results = quickstart(tmp_path, 1, run_command, identities=12, frames=2, epochs=1)
    steps = ["forge", "build", "train", "evaluate", "evaluate", "evaluate", "report"]
    assert lines == [*steps, "export", "export", "export", "export", "verify"]
    assert set(results) == set(COMPRESSIONS)
    for compression, metrics in results.items():
        assert set(metrics["per_method"]) == {"Deepfakes", "Face2Face", "FaceSwap", "NeuralTextures"}
        coverage = metrics["coverage"]
        assert coverage["frames_scored"] + coverage["frames_without_face"] == 2 * coverage["clips"]
        assert metrics["compression"] == compression
        assert "decoys" in metrics
    manifest = Manifest.load(tmp_path / "records")
    people = {
        split: {one for clip in manifest.clips.values() if clip.split == split for one in clip.subjects}
        for split in ("train", "val", "test")
    }
    assert sum(len(group) for group in people.values()) == len(set.union(*people.values())) == 12
    for name in ("roc.png", "losses.png", "faces.png", "reliability.png"):
        assert cv2.imread(str(tmp_path / "report" / name)) is not None
    printed = capfd.readouterr().out
    assert "tested on people never seen" in printed
    assert "LiteRT int8" in printed
    assert (tmp_path / "models" / "tfafsr" / "1" / "saved_model.pb").is_file()

    # The same again does no work twice, and ends with the same figures.
    again = quickstart(tmp_path, 1, run_command, identities=12, frames=2, epochs=1)
    assert again == results
    assert lines[12:] == [*steps, "verify"]
