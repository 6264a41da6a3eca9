"""evaluate and report, on a small trained model: figures agree with the score tables, and pictures are drawn."""

import csv
import dataclasses
import json
import re
import shutil

import cv2
import numpy as np
import pytest
import tensorflow as tf
from click.testing import CliRunner
from sklearn.metrics import roc_auc_score

from experiments import data, runs
from experiments.cli.main import cli
from experiments.evaluation import evaluate
from experiments.frame_scores import score_frames
from experiments.report import read_scores, write_report
from experiments.scoring import Scores, connected, errors, restored
from records.errors import DataError
from records.shards import Manifest
from tfafsr.calibration import Platt, ece_interval, reliability
from tfafsr.restoration import GAINS

METRICS = {"auc", "auc_ci95", "ap", "eer", "n"}


@pytest.fixture(scope="module")  # more than 20 s where this is the first test that needs the trained run
def measured(trained_run, made_records, tmp_path_factory):
    out = tmp_path_factory.mktemp("metrics") / "metrics.json"
    return evaluate(trained_run, made_records, "c40", "test", out), out


def rows(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_a_model_without_its_run_folder_says_that_nobody_knows_its_people(
    measured, trained_run, made_records, tmp_path
):
    model = shutil.copy(trained_run / "model.keras", tmp_path)
    arguments = ["--run", model, "--records", made_records, "--compression", "c40", "--out", tmp_path / "m.json"]
    done = CliRunner().invoke(cli, ["evaluate", *map(str, arguments)], catch_exceptions=False)
    assert f"It is not known on whom {model} was trained" in done.output
    found = json.loads((tmp_path / "m.json").read_text())
    assert found["people"] == {"evaluated": 3, "trained_on": None, "selected_on": None, "components": 3}
    assert found["not_trained_on"] == []
    assert found["frame"] == measured[0]["frame"]


@pytest.mark.slow
def test_metrics_json_has_the_documented_form(measured, trained_run, made_records):
    result, out = measured
    assert json.loads(out.read_text()) == result
    assert set(result["frame"]) == set(result["video"]) == METRICS
    assert set(result["per_method"]) == {"Deepfakes", "FaceSwap"}
    assert set(result["per_method"]["FaceSwap"]["video"]) == METRICS
    assert result["coverage"] == {"clips": 9, "clips_scored": 9, "frames_scored": 27, "frames_without_face": 9}
    assert (result["records"], result["run"]) == (str(made_records), str(trained_run))
    assert result["records_content"] == Manifest.load(made_records).content_hash
    assert result["people"] == {"evaluated": 3, "trained_on": 0, "selected_on": 0, "components": 3}
    assert (result["compression"], result["split"]) == ("c40", "test")
    assert result["not_trained_on"] == []
    assert result["decoys"]["with_decoy"]["videos"] == 1  # of the people 6, 7 and 8 the odd one
    assert result["decoys"]["without_decoy"]["videos"] == 2
    assert "sizes" not in result
    assert set(result["calibration"]) == {"scale", "bias", "before", "after"}
    assert set(result["calibration"]["after"]) == set(result["calibration"]["before"]) == {"ece", "ece_ci95", "bins"}
    assert set(result["errors"]) == {"threshold", "frame", "video"}
    assert set(result["errors"]["video"]) == {"false_alarms", "misses"}


@pytest.mark.slow
def test_the_calibration_is_that_of_the_model_and_of_the_table(measured, trained_run):
    result, out = measured
    found, platt = result["calibration"], runs.load_detector(trained_run).calibration
    assert Platt(found["scale"], found["bias"]) == platt != Platt()
    table = rows(out.with_name("metrics.frames.csv"))
    labels, scores = np.array([int(row["label"]) for row in table]), np.array([float(row["score"]) for row in table])
    assert found["after"]["ece"] == pytest.approx(reliability(labels, scores)["ece"], abs=1e-3)
    logits = (np.log(scores / (1 - scores)) - platt.bias) / platt.scale
    assert found["before"]["ece"] == pytest.approx(reliability(labels, 1 / (1 + np.exp(-logits)))["ece"], abs=1e-2)
    groups = [row["id"].split("#")[0].split("/")[-1][:3] for row in table]  # nobody is connected with anybody
    for when, probabilities in (("before", 1 / (1 + np.exp(-logits))), ("after", scores)):
        expected = ece_interval(labels, probabilities, groups)
        assert found[when]["ece_ci95"] == pytest.approx(expected, abs=1e-2)


@pytest.mark.slow
def test_false_alarms_and_misses_are_those_of_the_tables(measured):
    result, out = measured
    assert result["errors"]["threshold"] == 0.5
    for level in ("frame", "video"):
        table = rows(out.with_name(f"metrics.{level}s.csv"))
        for name, label in (("false_alarms", "0"), ("misses", "1")):
            wrong = [(float(row["score"]) >= 0.5) != (label == "1") for row in table if row["label"] == label]
            found = result["errors"][level][name]
            assert (found["rate"], found["n"]) == (pytest.approx(np.mean(wrong)), len(wrong))
            assert found["ci95"][0] <= found["rate"] <= found["ci95"][1]


def test_errors_hand_worked():
    # Reals score 0.5 and 0.4: one false alarm. Fakes 0.49, 0.9 and 0.6: one miss. Nothing links the people.
    values = np.array([0.5, 0.4, 0.49, 0.9, 0.6])
    ids, labels = np.array(["a", "b", "c", "d", "e"]), np.array([0, 0, 1, 1, 1])
    frames = Scores(ids, ids, np.where(labels, "FaceSwap", "real"), labels, values)
    found = errors(frames, frames, {name: index for index, name in enumerate("abcde")})
    assert found["frame"] == found["video"]
    assert (found["frame"]["false_alarms"]["rate"], found["frame"]["false_alarms"]["n"]) == (0.5, 2)
    assert (found["frame"]["misses"]["rate"], found["frame"]["misses"]["n"]) == (pytest.approx(1 / 3), 3)
    stricter = errors(frames, frames, {name: index for index, name in enumerate("abcde")}, threshold=0.7)["frame"]
    assert (stricter["false_alarms"]["rate"], stricter["misses"]["rate"]) == (0.0, pytest.approx(2 / 3))


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
def test_restoration_has_a_mean_an_interval_and_the_number_of_faces(measured):
    result, _ = measured
    assert set(result["restoration"]) == set(GAINS)
    # Frame and target of the made records are equal, so that nothing can be restored.
    assert all(gain == {"mean": None, "ci95": None, "n": 0} for gain in result["restoration"].values())


def test_faces_that_do_not_count_are_not_in_the_mean():
    groups = np.array([0, 0, 1, 1])
    found = restored({"gain": np.array([1.0, 2.0, np.nan, 6.0])}, groups)["gain"]
    assert (found["mean"], found["n"]) == (3.0, 3)
    assert 1.5 <= found["ci95"][0] < 3 < found["ci95"][1] <= 6
    assert restored({"gain": np.array([1.0, 2.0, np.nan, np.nan])}, groups)["gain"]["ci95"] is None


@pytest.mark.slow
def test_faces_are_scored_at_smaller_sizes(trained_run, made_records, tmp_path):
    arguments = ["evaluate", "--run", str(trained_run), "--records", str(made_records), "--compression", "c40"]
    done = CliRunner().invoke(
        cli, [*arguments, "--sizes", "64", "16", "--out", str(tmp_path / "m.json")], catch_exceptions=False
    )
    result = json.loads((tmp_path / "m.json").read_text())
    full, small = result["sizes"]
    assert (full["side"], small["side"]) == (64, 16)
    assert {level: full[level] for level in ("frame", "video", "errors")} == {
        level: result[level] for level in ("frame", "video", "errors")
    }
    at_16 = score_frames(runs.load_detector(trained_run), made_records, "test", "c40", (16,)).at_side[16]
    real = at_16.labels == 0
    assert small["errors"]["frame"]["false_alarms"]["rate"] == pytest.approx((at_16.values[real] >= 0.5).mean())
    row = next(line for line in done.output.splitlines() if "16 pixels" in line)
    assert f"{small['errors']['frame']['misses']['rate']:.1%}" in row


@pytest.mark.slow
def test_a_face_at_a_size_is_scored_as_by_a_deployed_detector_that_sees_it_so(trained_run, made_records):
    detector = runs.load_detector(trained_run)
    scored = score_frames(detector, made_records, "test", "c40", (16,))
    deployed = detector.deployed()
    values = []
    for inputs, _ in data.scoring_batches(made_records, "test", "c40", detector):
        small = np.stack(
            [cv2.resize(np.float32(face), (16, 16), interpolation=cv2.INTER_AREA) for face in inputs["frame"]]
        )
        frames = np.clip(np.round(tf.image.resize(small, (64, 64), method="bicubic")), 0, 255).astype(np.uint8)
        values.append(deployed({"frame": frames, "keypoints": inputs["keypoints"]})["probability"].numpy()[:, 0])
    np.testing.assert_allclose(scored.at_side[16].values, np.concatenate(values), atol=1e-3)
    assert np.abs(scored.at_side[16].values - scored.frames.values).max() > 0.01


def test_a_size_above_the_models_is_refused(trained_run, made_records, tmp_path):
    with pytest.raises(DataError, match="cannot be shrunk to 65 pixels: the model takes faces of 64"):
        evaluate(trained_run, made_records, "c40", "test", tmp_path / "m.json", sizes=(16, 65))


def test_videos_that_share_people_are_one_component():
    found = connected(
        {"real/a": ["a"], "fake/a_b": ["a", "b"], "real/b": ["b"], "real/c": ["c"], "fake/d_e": ["d", "e"]}
    )
    assert found["real/a"] == found["fake/a_b"] == found["real/b"]
    assert len({found["real/a"], found["real/c"], found["fake/d_e"]}) == 3


def renamed(records, folder, names):
    """A copy of the records in which people of a split have another name: split -> name of all."""
    copy = shutil.copytree(records, folder)
    manifest = Manifest.load(copy)
    for video, clip in manifest.clips.items():
        if clip.split in names:
            manifest.clips[video] = dataclasses.replace(clip, subjects=(names[clip.split],))
    manifest.save(copy)
    return copy


@pytest.mark.parametrize(
    ("split", "names", "message"),
    [
        (
            "test",
            {"test": "001", "train": "901", "val": "902"},
            "in the train split that .* was trained with, '001' of",
        ),
        ("test", {"test": "004", "train": "901", "val": "902"}, "in the val split that .* was trained with, '004' of"),
        ("val", {"val": "001", "train": "901"}, "in the train split that .* was trained with"),
        ("test", {"test": "901", "train": "901"}, "in the train split of the same records"),
        ("test", {"test": "901", "val": "901"}, "in the val split of the same records"),
        ("val", {"test": "901", "val": "901"}, "in the splits val and test"),
    ],
)
def test_people_that_the_run_or_another_split_knows_are_refused(
    trained_run, made_records, tmp_path, split, names, message
):
    records = renamed(made_records, tmp_path / "records", names)
    with pytest.raises(DataError, match=message):
        evaluate(trained_run, records, "c40", split, tmp_path / "metrics.json")


@pytest.mark.slow
def test_the_runs_own_validation_split_is_scored_where_asked_for_and_the_result_says_so(
    trained_run, made_records, tmp_path
):
    result = evaluate(trained_run, made_records, "c40", "val", tmp_path / "metrics.json")
    assert result["people"] == {"evaluated": 2, "trained_on": 0, "selected_on": 2, "components": 2}


@pytest.mark.slow
def test_a_full_disk_leaves_all_three_files_as_they_were(trained_run, made_records, tmp_path, full_disk):
    names = ["metrics.frames.csv", "metrics.json", "metrics.videos.csv"]
    for name in names:
        (tmp_path / name).write_text("old")
    # The tables fit, metrics.json does not.
    with full_disk(2000), pytest.raises(DataError, match=r"cannot be written.*Make room"):
        evaluate(trained_run, made_records, "c40", "test", tmp_path / "metrics.json")
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    assert {path.read_text() for path in tmp_path.iterdir()} == {"old"}


@pytest.mark.slow
def test_the_report_is_drawn(measured, trained_run, made_records, tmp_path):
    _, out = measured
    arguments = [
        "report",
        "--run",
        str(trained_run),
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
def test_the_command_prints_a_table_and_the_coverage(trained_run, made_records, tmp_path):
    arguments = ["evaluate", "--run", str(trained_run), "--records", str(made_records), "--compression", "c40"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "m.json")], catch_exceptions=False)
    assert "27 of 36 frames of 9 clips scored; 9 without a face." in result.output
    assert "FaceSwap" in result.output
    assert "Intervals resample 3 components of connected people." in result.output
    assert re.search(
        r"False alarms at 0\.5: [\d.]+% \[[\d.]+%, [\d.]+%\] of 3 real videos, .* of 9 real frames", result.output
    )
    assert re.search(r"Misses at 0\.5: .* of 6 manipulated videos, .* of 18 manipulated frames", result.output)
    interval = r"0\.\d{3} \[0\.\d\d, 0\.\d\d\]"
    assert re.search(rf"calibration error of frames: {interval} before and {interval} after calibration", result.output)


@pytest.mark.slow
def test_methods_that_the_run_was_not_trained_on_are_marked(own_run, made_records, tmp_path):
    runs.save_config(own_run, runs.load_config(own_run), runs.records_content(own_run), ["Deepfakes"])
    arguments = ["evaluate", "--run", str(own_run), "--records", str(made_records), "--compression", "c40"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "m.json")], catch_exceptions=False)
    assert "FaceSwap * " in result.output
    assert "Deepfakes * " not in result.output
    assert "* not in the run's training data: FaceSwap." in result.output
    assert json.loads((tmp_path / "m.json").read_text())["not_trained_on"] == ["FaceSwap"]


@pytest.mark.slow
def test_an_error_of_the_user_is_a_message_without_a_traceback(trained_run, made_records, tmp_path):
    arguments = ["evaluate", "--run", str(trained_run), "--records", str(made_records), "--compression", "raw"]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path / "m.json")])
    assert result.exit_code == 1
    assert result.output.startswith("Error: The records have no compression 'raw' in the split 'test'; they have c40.")


def test_a_report_without_metrics_is_refused(made_records, tmp_path):
    arguments = ["report", "--run", "none", "--records", str(made_records), "--metrics", str(tmp_path / "none.json")]
    result = CliRunner().invoke(cli, [*arguments, "--out", str(tmp_path)])
    assert result.exit_code == 1
    assert "was not written by `tfafsr evaluate`" in result.output


def test_a_report_on_records_of_other_content_is_refused(measured, trained_run, write_records, tmp_path):
    other = write_records(tmp_path / "other", dataset="other")
    with pytest.raises(DataError, match=rf"metrics\.json was measured on .*and the content of {other} is different"):
        write_report(trained_run, other, measured[1], tmp_path / "report")


@pytest.mark.parametrize(
    "change", [{"split": [1]}, {"records_content": None}, {"calibration": 3}, {"calibration": {"before": "hot"}}]
)
def test_foreign_metrics_are_refused(measured, trained_run, made_records, tmp_path, change):
    path = tmp_path / "metrics.json"
    path.write_text(json.dumps({**measured[0], **change}))
    with pytest.raises(DataError, match=r"metrics\.json was not written by `tfafsr evaluate`"):
        write_report(trained_run, made_records, path, tmp_path / "report")


@pytest.mark.parametrize(
    "rows", ["", "a,2,real,0.5", "a,1,real,nan", "a,x,real,0.5", "a,1", "a,1,real," + "9" * 200_000]
)
def test_a_damaged_score_table_is_refused(tmp_path, rows):
    path = tmp_path / "metrics.frames.csv"
    path.write_text("id,label,method,score\n" + rows)
    with pytest.raises(DataError, match=r"metrics\.frames\.csv is not a score table"):
        read_scores(path)
