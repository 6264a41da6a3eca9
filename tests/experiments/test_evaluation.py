"""evaluate and report, on a model trained for a moment: figures are those of the score tables, pictures are drawn."""

import csv
import json
import shutil

import cv2
import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from experiments import scoring, training
from experiments.cli.main import cli
from experiments.config import TrainConfig
from experiments.evaluation import evaluate
from records.errors import DataError
from tfafsr.calibration import reliability

METRICS = {"auc", "auc_ci95", "ap", "eer", "n"}


@pytest.fixture(scope="module")
def run(made_records, tmp_path_factory):
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    config = TrainConfig((str(made_records),), "c40", "tiny", {"size": 64, "width": 4}, epochs=2, batch_size=8)
    training.train(config, folder, say=lambda line: None)
    return folder


@pytest.fixture(scope="module")
def measured(run, made_records, tmp_path_factory):
    out = tmp_path_factory.mktemp("metrics") / "metrics.json"
    return evaluate(run, made_records, "c40", "test", out), out


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_metrics_json_has_the_documented_form(measured, run, made_records):
    result, out = measured
    assert json.loads(out.read_text()) == result
    assert set(result["frame"]) == set(result["video"]) == METRICS
    assert set(result["per_method"]) == {"Deepfakes", "FaceSwap"}
    assert set(result["per_method"]["FaceSwap"]["video"]) == METRICS
    assert result["coverage"] == {"clips": 9, "clips_scored": 9, "frames_scored": 27, "frames_without_face": 9}
    assert (result["records"], result["run"]) == (str(made_records), str(run))
    assert (result["compression"], result["split"]) == ("c40", "test")
    assert result["decoys"]["with_decoy"]["videos"] == 1  # of the people 6, 7 and 8 the odd one
    assert result["decoys"]["without_decoy"]["videos"] == 2
    assert set(result["calibration"]) == {"temperature", "before", "after"}
    assert set(result["calibration"]["after"]) == {"ece", "bins"}


@pytest.mark.slow
def test_the_calibration_is_that_of_the_model_and_of_the_table(measured, run):
    result, out = measured
    assert result["calibration"]["temperature"] == float(scoring.load_model(run).temperature) != 1.0
    table = rows(out.with_name("metrics.frames.csv"))
    labels, scores = np.array([int(row["label"]) for row in table]), np.array([float(row["score"]) for row in table])
    assert result["calibration"]["after"]["ece"] == pytest.approx(reliability(labels, scores)["ece"], abs=1e-3)
    logits = np.log(scores / (1 - scores)) * result["calibration"]["temperature"]
    before = reliability(labels, 1 / (1 + np.exp(-logits)))["ece"]
    assert result["calibration"]["before"]["ece"] == pytest.approx(before, abs=1e-2)


@pytest.mark.slow
def test_the_figures_are_those_of_the_score_tables(measured):
    result, out = measured
    frames, videos = (rows(out.with_name(f"metrics.{level}.csv")) for level in ("frames", "videos"))
    assert (len(frames), len(videos)) == (27, 9)
    for level, table in (("frame", frames), ("video", videos)):
        labels, scores = [int(row["label"]) for row in table], [float(row["score"]) for row in table]
        assert result[level]["auc"] == pytest.approx(roc_auc_score(labels, scores), abs=1e-4)
    # A video's score is the mean of its frames'.
    first = videos[0]
    own = [float(row["score"]) for row in frames if row["id"].startswith(first["id"] + "#")]
    assert len(own) == 3
    assert float(first["score"]) == pytest.approx(np.mean(own), abs=1e-5)


@pytest.mark.slow
def test_people_of_the_training_split_are_refused(run, made_records, tmp_path):
    shared = tmp_path / "records"
    shutil.copytree(made_records, shared)
    path = shared / "manifest.json"
    path.write_text(path.read_text().replace('"007"', '"000"'))
    with pytest.raises(DataError, match="people are in the training and in the test split"):
        evaluate(run, shared, "c40", "test", tmp_path / "metrics.json")


@pytest.mark.slow
def test_a_damaged_model_is_named(run, tmp_path):
    (tmp_path / training.MODEL_FILE).write_bytes((run / training.MODEL_FILE).read_bytes()[:1000])
    with pytest.raises(DataError, match=r"model\.keras cannot be loaded"):
        scoring.load_model(tmp_path)


def test_an_unfinished_run_is_named(tmp_path):
    with pytest.raises(DataError, match="finish `tfafsr train"):
        scoring.load_model(tmp_path)


@pytest.mark.slow
def test_the_report_is_drawn(measured, run, made_records, tmp_path):
    _, out = measured
    arguments = [
        "report",
        "--run",
        str(run),
        "--records",
        str(made_records),
        "--metrics",
        str(out),
        "--out",
        str(tmp_path),
    ]
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    for name in ("roc.png", "losses.png", "faces.png", "reliability.png"):
        picture = cv2.imread(str(tmp_path / name))
        assert picture is not None
        assert min(picture.shape[:2]) > 300
        assert picture.std() > 5


@pytest.mark.slow
def test_the_command_prints_a_table_and_the_coverage(run, made_records, tmp_path):
    arguments = ["evaluate", "--run", str(run), "--records", str(made_records), "--compression", "c40"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "m.json")], catch_exceptions=False)
    assert "27 of 36 frames of 9 clips scored; 9 without a face." in result.output
    assert "FaceSwap" in result.output


@pytest.mark.slow
def test_an_error_of_the_user_is_a_message_without_a_traceback(run, made_records, tmp_path):
    arguments = ["evaluate", "--run", str(run), "--records", str(made_records), "--compression", "raw"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "m.json")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: The records have no compression 'raw' in the split 'test'; they have c40.")


def test_a_report_without_metrics_is_refused(made_records, tmp_path):
    arguments = ["report", "--run", "none", "--records", str(made_records), "--metrics", str(tmp_path / "none.json")]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "is not written by `tfafsr evaluate`" in result.output
