"""Leave-one-out: one run for each method without it and one with all, resumed where runs are missing."""

import csv
import dataclasses
import json
import shutil

import pytest
from click.testing import CliRunner

from experiments import runs
from experiments.cli.main import cli
from experiments.config import DetectorOptions, LeaveOneOutConfig, TrainConfig
from experiments.evaluation import evaluate
from experiments.leave_one_out import leave_one_out
from experiments.tables import results_lines
from records.errors import DataError
from records.shards import Manifest

NAMES = ["all", "without-Deepfakes", "without-FaceSwap"]


@pytest.fixture(scope="module")
def config(made_records):
    return LeaveOneOutConfig(
        TrainConfig(
            *((str(made_records),), ("c40",), "tiny", DetectorOptions(size=64)),
            epochs=1,
            batch_size=12,
            learning_rate=3e-3,
            method="meso4",
            input_size=64,
        )
    )


@pytest.fixture(scope="module")  # more than 20 s: three networks are trained
def finished(config, tmp_path_factory):
    out = tmp_path_factory.mktemp("leave-one-out")
    lines = []
    return leave_one_out(config, out, lines.append), out, lines


@pytest.mark.slow
def test_each_method_has_a_run_that_was_not_trained_on_it(finished, made_records):
    result, out, lines = finished
    assert [runs.untrained(out / name, ["Deepfakes", "FaceSwap"]) for name in NAMES] == [
        [],
        ["Deepfakes"],
        ["FaceSwap"],
    ]
    assert [line for line in lines if line.startswith("Run ")] == [
        f"Run {number} of 3: {name}" for number, name in enumerate(NAMES, 1)
    ]
    assert result["methods"] == [row["method"] for row in result["rows"]] == ["Deepfakes", "FaceSwap"]
    assert json.loads((out / "leave-one-out.json").read_text()) == result
    for name, row in zip(NAMES[1:], result["rows"], strict=True):
        full, without = (
            json.loads(next((out / "measured").glob(f"{run}-*.metrics.json")).read_text()) for run in ("all", name)
        )
        assert row["trained"] == full["per_method"][row["method"]]
        assert row["left_out"] == without["per_method"][row["method"]]
        assert without["not_trained_on"] == [row["method"]]
        assert without["split"] == "test"
        assert without["people"]["trained_on"] == without["people"]["selected_on"] == 0
        assert row["records_content"] == Manifest.load(made_records).content_hash


@pytest.mark.slow
def test_the_csv_holds_the_same_figures(finished):
    result, out, _ = finished
    with (out / "leave-one-out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["method"], row["level"]) for row in rows] == [
        (method, level) for method in ("Deepfakes", "FaceSwap") for level in ("frame", "video")
    ]
    for row in rows:
        expected = next(one for one in result["rows"] if one["method"] == row["method"])
        for when in ("trained", "left_out"):
            summary = expected[when][row["level"]]
            found = [float(row[name]) for name in (when, f"{when}_low", f"{when}_high")]
            assert found == pytest.approx([summary["auc"], *summary["auc_ci95"]], abs=1e-6)


@pytest.mark.slow
def test_it_goes_on_with_the_runs_that_are_missing_and_says_so(finished, config, tmp_path):
    result, out, _ = finished
    again = shutil.copytree(out, tmp_path / "again")
    shutil.rmtree(again / "without-Deepfakes")
    (again / "measured" / "without-Deepfakes.json").unlink()
    kept = (again / "all" / runs.MODEL_FILE).stat().st_mtime_ns
    lines = []
    resumed = leave_one_out(config, again, lines.append)
    assert lines[0] == f"Resuming {again}: 2 of 3 runs are done."
    assert [line for line in lines if line.startswith("Run ")] == ["Run 2 of 3: without-Deepfakes"]
    assert (again / "all" / runs.MODEL_FILE).stat().st_mtime_ns == kept
    assert resumed == result
    with pytest.raises(DataError, match=r"other options \(seed: 1, there 0\)"):
        leave_one_out(dataclasses.replace(config, train=dataclasses.replace(config.train, seed=1)), again)
    (again / "measured" / "all.json").write_text("{")
    with pytest.raises(DataError, match=r"all\.json is damaged .*; remove it and run the command again"):
        leave_one_out(config, again)


@pytest.mark.slow
def test_evaluate_of_the_run_with_all_methods_shows_them(finished, made_records, tmp_path):
    result, out, _ = finished
    measured = evaluate(out / "all", made_records, "c40", "test", tmp_path / "metrics.json")
    assert measured["left_out"] == {row["method"]: row["left_out"] for row in result["rows"]}
    line = next(line for line in results_lines(measured) if "left out of training" in line)
    assert f"FaceSwap {result['rows'][1]['left_out']['frame']['auc']:.3f}" in line
    content = Manifest.load(made_records).content_hash
    for other in (("other", "c40", "test"), (content, "c23", "test"), (content, "c40", "val")):
        assert runs.left_out(out / "all", *other) is None
    assert "left_out" not in evaluate(out / NAMES[1], made_records, "c40", "test", tmp_path / "other.json")


@pytest.mark.parametrize("text", ["[]", "{", '{"rows": [{}]}', '{"rows": 3, "split": "test"}'])
def test_a_damaged_file_of_the_full_run_is_named(tmp_path, text):
    (tmp_path / runs.LEFT_OUT_FILE).write_text(text)
    with pytest.raises(DataError, match=r"leave-one-out\.json is damaged .*; run `tfafsr leave-one-out` again"):
        runs.left_out(tmp_path, "content", "c40", "test")


@pytest.mark.slow
def test_the_command_prints_a_row_for_each_method(finished, config, tmp_path):
    result, out, _ = finished
    detector, train = config.train.detector, config.train
    line = f"--compression c40 --preset tiny --size {detector.size} --method meso4 --input-size 64"
    line += f" --epochs {train.epochs} --batch-size {train.batch_size} --learning-rate {train.learning_rate}"
    arguments = ["leave-one-out", "--records", *train.records, *line.split(), "--out", str(out)]
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert "3 of 3 runs are done" in done.output
    for row in result["rows"]:
        printed = next(line for line in done.output.splitlines() if row["method"] in line)
        for when in ("trained", "left_out"):
            assert f"{row[when]['frame']['auc']:.3f} [" in printed
    mean = sum(row["left_out"]["frame"]["auc"] for row in result["rows"]) / 2
    assert f"{mean:.3f}" in next(line for line in done.output.splitlines() if "mean" in line)


def test_what_cannot_be_left_out_is_named(config, tmp_path):
    with pytest.raises(DataError, match=r"--methods: the records hold no method 'Face2Face' .* hold Deepfakes, Face"):
        leave_one_out(dataclasses.replace(config, methods=("Face2Face",)), tmp_path)
    with pytest.raises(DataError, match=r"takes at least two for training; the records .* hold Deepfakes"):
        leave_one_out(
            dataclasses.replace(config, train=dataclasses.replace(config.train, leave_out=("FaceSwap",))), tmp_path
        )
    with pytest.raises(DataError, match="Leave out --weights"):
        LeaveOneOutConfig(dataclasses.replace(config.train, weights="photos-1"))
