"""Weights, model card and rows that `experiments.photographs` writes of a finished run."""

import csv
import dataclasses

import pytest
from rich.console import Console

from experiments import photographs
from experiments.evaluation import evaluate
from experiments.model_card import Measured, model_card
from tfafsr import Detector
from tfafsr.presets import PRESETS
from tfafsr.restoration import GAINS
from tfafsr.weights import read_weights


@pytest.fixture(scope="module")  # more than 20 s where this is the first test that needs the trained run
def measured(trained_run, made_records, tmp_path_factory):
    out = tmp_path_factory.mktemp("metrics")
    metrics = evaluate(trained_run, made_records, "c40", "test", out / "metrics.json", sizes=(32,))
    row = {"method": "FaceSwap", "compression": "c40", "left_out": metrics["per_method"]["Deepfakes"]}
    row["trained"] = metrics["per_method"]["FaceSwap"]
    group = {"people": 2, "frame": metrics["frame"], "errors": metrics["errors"]["frame"]}
    return Measured(
        metrics={"c40": metrics},
        groups={"gender": {"female": group, "male": {**group, "frame": {**metrics["frame"], "auc": 0.0}}}},
        grouped_at="c40",
        left_out={"rows": [row]},
        people={"train": 4, "val": 2, "test": 3},
        methods=["Deepfakes", "FaceSwap"],
        commands=["tfafsr train --out OUT/run"],
    )


@pytest.mark.slow
def test_the_card_shows_the_figures(measured):
    gain = {"mean": 0.25, "ci95": [0.2, 0.3], "n": 9}
    metrics = {**measured.metrics["c40"], "restoration": dict.fromkeys(GAINS, gain)}
    card = model_card("photos-1", dataclasses.replace(measured, metrics={"c40": metrics}))
    assert "| c40 | +0.250 [0.20, 0.30] |" in card
    auc = metrics["sizes"][0]["frame"]["auc"]
    assert f"| c40 | 32 pixels | {auc:.3f} [" in card
    left_out = metrics["per_method"]["Deepfakes"]["frame"]["auc"]
    _, row = (line for line in card.splitlines() if line.startswith("| FaceSwap"))
    assert f"{metrics['per_method']['FaceSwap']['frame']['auc']:.3f}" in row.split("|")[2]
    assert f"{left_out:.3f}" in row.split("|")[3]
    assert "| method | c40, trained on it | c40, left out |" in card
    assert f"Largest difference of AUC by gender: {metrics['frame']['auc']:.3f}." in card
    assert "Largest difference of false alarms by gender: 0.0 percentage points." in card
    assert f"of {measured.people['train']} photographed people" in card
    for title in ("Trained on", "Calibration", "Restoration", "What it is not for", "Made by"):
        assert f"## {title}" in card


@pytest.mark.slow
def test_weights_card_and_rows_are_written(measured, tmp_path):
    run = tmp_path / "model.keras"
    detector = Detector.from_preset("small")
    detector.save(run)
    path = photographs._write(tmp_path, run, "small", measured, Console(quiet=True))
    assert path.stat().st_size <= 15_000_000
    weights = read_weights(path)
    assert weights.preset == "small"
    assert weights.card == (tmp_path / "photos-1.md").read_text()
    with (tmp_path / "photos-1.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["face"], row["method"], row["level"]) for row in rows] == [
        (face, method, level)
        for face, method in [("as it is", "all"), ("32", "all"), ("as it is", "Deepfakes"), ("as it is", "FaceSwap")]
        for level in ("frame", "video")
    ]
    assert float(rows[0]["auc"]) == pytest.approx(measured.metrics["c40"]["frame"]["auc"], abs=1e-4)


def test_each_plan_is_for_a_preset_and_ends_at_a_lower_learning_rate():
    assert set(photographs.PLANS) <= set(PRESETS)
    assert len({plan.name for plan in photographs.PLANS.values()}) == len(photographs.PLANS)
    for plan in photographs.PLANS.values():
        assert plan.epochs / 2 < plan.drop_every < plan.epochs
