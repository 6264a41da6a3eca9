"""The commands `table` and `ablate`, at toy size."""

import csv
import json
import shutil

import cv2
import pytest
from click.testing import CliRunner

from experiments.cli.main import cli
from experiments.table_config import ROWS


def run(*arguments):
    return CliRunner().invoke(cli, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")  # more than 20 s: two networks are trained
def made(made_records, tmp_path_factory):
    out = tmp_path_factory.mktemp("table")
    line = ("table", "2", "--records", made_records, "--methods", "tfafsr", "meso4", "--smoke", "--preset", "tiny")
    line += ("--output", "none", "--error-image", "none", "--pooling", "gap")  # which are traced fastest
    result = run(*line, "--out", out / "two", "--runs", out / "runs")
    assert result.exit_code == 0, result.output
    return line, out, result


@pytest.mark.slow
def test_a_whole_table_is_made(made, made_records):
    _, out, result = made
    assert "Run 1 of 2: tfafsr-c40-seed0" in result.output
    assert "paper 94.2" in result.output
    assert "Deepfakes: " in result.output
    text = (out / "two" / "table.md").read_text()
    assert text.startswith("# Table II")
    assert "published on FaceForensics++" in text
    assert "Measured on these records" in text
    assert f"tfafsr table 2 --records {made_records} --methods tfafsr meso4 --smoke" in text
    written = json.loads((out / "two" / "table.json").read_text())
    with (out / "two" / "table.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["row"], row["column"]) for row in rows] == [
        (method, fake) for method in ("meso4", "tfafsr") for fake in ("Deepfakes", "FaceSwap")
    ]
    for row, cell in zip(rows, written["cells"], strict=True):
        assert float(row["auc"]) == pytest.approx(cell["auc"], abs=1e-5)
        assert f"{100 * cell['auc']:.1f}" in text
    with (out / "two" / "runs.csv").open(newline="") as file:
        trained = list(csv.DictReader(file))
    assert [row["run"] for row in trained] == ["tfafsr-c40-seed0", "meso4-c40-seed0"]
    assert all(float(row["seconds"]) > 0 and row["initialisation"] == "random weights" for row in trained)
    assert cv2.imread(str(out / "two" / "table.png")) is not None


@pytest.mark.slow
def test_a_table_goes_on_with_what_is_missing_and_another_one_shares_its_runs(made):
    line, out, _ = made
    before = (out / "two" / "table.csv").read_text()
    shutil.rmtree(out / "runs" / "meso4-c40-seed0")
    (out / "runs" / "measured" / "meso4-c40-seed0.json").unlink()
    again = run(*line, "--out", out / "two", "--runs", out / "runs")
    assert again.exit_code == 0, again.output
    assert "1 of 2 runs are done" in again.output
    assert "Run 1 of 2" not in again.output
    assert (out / "two" / "table.csv").read_text() == before
    other = run("table", "3", *line[2:], "--out", out / "three", "--runs", out / "runs")
    assert other.exit_code == 0, other.output
    assert "2 of 2 runs are done" in other.output
    assert "# Table III" in (out / "three" / "table.md").read_text()


@pytest.mark.slow
def test_a_shared_run_with_other_options_is_refused_before_anything_is_lost(made):
    line, out, _ = made
    before = sorted((out / "runs" / "measured").iterdir())
    refused = run(*line, "--seed", "0", "--learning-rate", "0.5", "--out", out / "two", "--runs", out / "runs")
    assert refused.exit_code == 1
    assert "is a run with other options (learning_rate: 0.5, there the default)" in " ".join(refused.output.split())
    assert sorted((out / "runs" / "measured").iterdir()) == before


@pytest.mark.slow
def test_the_rows_that_are_complete_are_written_where_a_run_fails(made_records, tmp_path):
    line = ("table", "2", "--records", made_records, "--methods", "meso4", "artifacts_nn", "--smoke")
    failed = run(*line, "--self-blend", "0.5", "--out", tmp_path / "part", "--runs", tmp_path / "runs")
    assert failed.exit_code == 1
    assert "1 of 2 runs failed; the others are kept." in " ".join(failed.output.split())
    text = (tmp_path / "part" / "table.md").read_text()
    assert "| meso4 |" in text
    assert "2 of 4 cells are missing: their runs failed." in text


def test_help_lists_every_method_and_not_what_the_table_decides():
    text = run("table", "--help").output
    assert "--runs" in text
    assert "--compressions" not in text
    assert "--leave-out" not in text
    refused = run("table", "1", "--methods", "nobody")
    assert refused.exit_code == 2
    assert all(method in refused.output.replace("\n", " ") for method in ROWS)


def test_an_unknown_compression_of_the_ablation_is_named(made_records, tmp_path):
    refused = run("ablate", "--records", made_records, "--compression", "raw", "--out", tmp_path)
    assert refused.exit_code == 1
    assert "hold no raw faces" in refused.output
