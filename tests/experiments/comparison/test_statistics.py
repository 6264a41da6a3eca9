"""The figures of cells and the tests between them, on scores whose answers are known."""

import dataclasses

import numpy as np
import pytest

from experiments import grid
from experiments.comparison.plans import Cell, Plan
from experiments.comparison.statistics import Comparison, _corrected, measure
from experiments.scoring import Scores
from records.errors import DataError
from records.shards import Manifest
from tfafsr import metrics


@pytest.fixture
def place(made_records):
    return grid.Place(str(made_records), "c40")


@pytest.fixture
def scores_of(made_records):
    """Scores of the test faces: the label, hidden under noise of a given size."""
    clips = {name: clip for name, clip in Manifest.load(made_records).clips.items() if clip.split == "test"}

    def make(noise, seed):
        rng = np.random.default_rng(seed)
        rows = [
            (f"{name}#{index}", name, clip.method, clip.label) for name, clip in clips.items() for index in range(3)
        ]
        rng.shuffle(rows)  # the order must not matter
        ids, videos, methods, labels = (np.array(column) for column in zip(*rows, strict=True))
        labels = labels.astype(int)
        values = np.clip(0.5 + (labels - 0.5) * 0.2 + noise * rng.normal(size=len(labels)), 0, 1)
        return Scores(ids, videos, methods, labels, np.round(values, 6))

    return make


@pytest.fixture
def measured(place, made_records, scores_of, tmp_path):
    """A function that writes the score tables of rows: name -> noise of each seed."""

    def write(rows, gain=None, side=None):
        content = Manifest.load(made_records).content_hash
        found, cells, scores = {}, {}, {}
        (tmp_path / grid.MEASURED).mkdir(exist_ok=True)
        for number, (row, noises) in enumerate(rows.items()):
            runs = [f"{row}-{seed}" for seed in range(len(noises))]
            for seed, (run, noise) in enumerate(zip(runs, noises, strict=True)):
                metrics_of = {"records_content": content, "compression": "c40"}
                if gain is not None:
                    metrics_of["restoration"] = {"restoration_gain_db": {"mean": gain}}
                found[run] = grid.Measured(None, {place: metrics_of})
                scores[run] = scores_of(noise, (number, seed))
                shrunk = dataclasses.replace(scores[run], values=1 - scores[run].values)
                scores[run].save(grid.frames_table(tmp_path, run, metrics_of), {32: shrunk})
            cells[row, "c40"] = Cell(tuple(runs), (place,), None, side, None, "c40")
        return Plan("Table", "title", tuple(rows), ("c40",), cells, {}), found, scores

    return write


def test_figures_are_means_over_the_seeds(measured, tmp_path):
    plan, found, scores = measured({"one": (0.1, 0.2, 0.3)}, gain=0.25)
    figures, comparisons = measure(plan, found, tmp_path)
    one = figures["one", "c40"]
    areas = [metrics.auc(each.labels, each.values) for each in scores.values()]
    assert one.auc == pytest.approx(np.mean(areas))
    assert one.auc_sd == pytest.approx(np.std(areas, ddof=1))
    assert one.auc_ci95[0] <= one.auc <= one.auc_ci95[1]
    assert (one.seeds, one.frames, one.components, one.gain) == (3, 27, 3, 0.25)
    called = [(each.labels, each.values >= 0.5) for each in scores.values()]
    accuracies = [(positive[labels == 1].mean() + 1 - positive[labels == 0].mean()) / 2 for labels, positive in called]
    assert one.balanced_accuracy == pytest.approx(np.mean(accuracies))
    assert 0 <= one.tpr[0] <= one.tpr[1] <= 1
    assert not comparisons
    assert not one.leads


def test_with_one_seed_there_is_no_spread_but_an_interval_over_people(measured, tmp_path):
    plan, found, scores = measured({"one": (0.2,)})
    one = measure(plan, found, tmp_path)[0]["one", "c40"]
    (each,) = scores.values()
    assert one.auc_sd is None
    people = np.array([video.split("/")[-1] for video in each.videos])
    expected = metrics.auc_interval(each.labels, each.values, people, bca=False)
    assert one.auc_ci95 == pytest.approx(expected, abs=0.02)  # other draws


def test_the_best_leads_only_where_it_is_ahead_of_all(measured, tmp_path):
    plan, found, _ = measured({"good": (0.01, 0.01, 0.01), "bad": (3.0, 3.0, 3.0)})
    figures, (comparison,) = measure(plan, found, tmp_path)
    assert (comparison.first, comparison.second) == ("good", "bad")
    assert comparison.ahead
    assert comparison.difference == pytest.approx(figures["good", "c40"].auc - figures["bad", "c40"].auc)
    assert comparison.ci95[0] <= comparison.difference <= comparison.ci95[1]
    assert figures["good", "c40"].leads
    assert not figures["bad", "c40"].leads

    plan, found, _ = measured({"good": (0.01, 0.01), "twin": (0.011, 0.011), "bad": (3.0, 3.0)})
    figures, comparisons = measure(plan, found, tmp_path)
    assert sorted(one.ahead for one in comparisons) == [False, True]
    assert not any(one.leads for one in figures.values())


def test_shrunk_faces_have_their_own_scores_and_no_gain(measured, tmp_path):
    plan, found, scores = measured({"one": (0.2,)}, gain=0.1, side=32)
    one = measure(plan, found, tmp_path)[0]["one", "c40"]
    assert one.auc == pytest.approx(1 - metrics.auc(scores["one-0"].labels, scores["one-0"].values))
    assert one.gain is None


def test_only_a_methods_fakes_count(measured, tmp_path):
    plan, found, scores = measured({"one": (0.2,)})
    (pair, cell), *_ = plan.cells.items()
    plan.cells[pair] = Cell(cell.runs, cell.places, "FaceSwap", None, None, "c40")
    one = measure(plan, found, tmp_path)[0][pair]
    chosen = next(iter(scores.values())).only("FaceSwap")
    assert one.frames == 18
    assert one.auc == pytest.approx(metrics.auc(chosen.labels, chosen.values))


def test_runs_that_were_tested_on_other_faces_are_refused(measured, tmp_path):
    plan, found, _ = measured({"one": (0.2,), "two": (0.2,)})
    path = grid.frames_table(tmp_path, "two-0", next(iter(found["two-0"].metrics.values())))
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(DataError, match="The runs of two were tested on other faces than the others; remove"):
        measure(plan, found, tmp_path)


def test_holm_hand_worked():
    made = [Comparison("a", "b", "c", 0.1, (0, 1), p, p) for p in (0.04, 0.01, 0.03, 0.5)]
    # Sorted: 0.01 * 4, 0.03 * 3, 0.04 * 2 = 0.08 but not below 0.09, 0.5 * 1.
    assert [one.p_corrected for one in _corrected(made)] == pytest.approx([0.09, 0.04, 0.09, 0.5])
