"""The figures of cells and the tests between them, on scores whose answers are known."""

import dataclasses

import numpy as np
import pytest
from scipy import stats

from experiments import grid
from experiments.comparison.plans import Cell, Plan
from experiments.comparison.statistics import Comparison, Figures, _corrected, _gain, _interval, measure
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
                    metrics_of["restoration"] = {"restoration_gain_db": {"mean": gain, "n": 3}}
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
    drawn = [people_drawn(each, people, rng) for rng in np.random.default_rng(5).spawn(2000)]
    error = np.nanstd(drawn) * (3 / 2) ** 0.5  # of three components of people, with two degrees of freedom
    expected = one.auc - stats.t.ppf(0.975, 2) * error
    assert one.auc_ci95[0] == pytest.approx(max(0, expected), abs=0.03)  # other draws


def people_drawn(scores, people, rng):
    """The AUC for people drawn with replacement."""
    rows = np.concatenate([np.flatnonzero(people == name) for name in rng.choice(np.unique(people), 3)])
    return metrics.auc(scores.labels[rows], scores.values[rows])


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
    assert {(one.first, one.second): one.ahead for one in comparisons}["good", "twin"] is False
    assert not any(one.leads for one in figures.values())


def test_equal_rows_are_seldom_told_apart_though_their_seeds_differ():
    """Welch's t test holds its level with three seeds, where a bootstrap of the seeds errs five times as often."""
    rng, wrong, turns = np.random.default_rng(0), 0, 2000
    for areas in rng.normal(0.7, 0.02, size=(turns, 2, 3)):
        one, other = (
            Figures("", "", seeds.mean(), seeds.std(ddof=1), None, 0, 0, (), None, 3, 100, 40, None) for seeds in areas
        )
        people = rng.normal(one.auc - other.auc, 0.002, 50)
        wrong += _interval(one.auc - other.auc, people, one, other)[2] < 0.05
    assert wrong / turns < 0.06


def test_a_reference_is_compared_with_each_and_without_one_each_with_each(measured, tmp_path):
    rows = {"good": (0.01, 0.011, 0.012), "bad": (3.0, 3.0, 3.0), "worse": (5.0, 5.0, 5.0)}
    plan, found, _ = measured(rows)
    pairs = [(one.first, one.second) for one in measure(plan, found, tmp_path)[1]]
    assert len(pairs) == len({frozenset(pair) for pair in pairs}) == 3
    assert pairs[0][0] == "good"
    figures, comparisons = measure(dataclasses.replace(plan, references=("bad",)), found, tmp_path)
    assert [(one.first, one.second) for one in comparisons] == [("bad", "good"), ("bad", "worse")]
    assert not comparisons[0].ahead
    assert comparisons[0].difference < 0
    assert figures["good", "c40"].leads  # whatever it is compared with


def test_the_gain_is_the_mean_over_the_faces_of_all_places_that_have_one(measured, tmp_path):
    plan, found, _ = measured({"one": (0.2,)}, gain=0.25)
    (cell,) = plan.cells.values()
    other = grid.Place("other", "c23")
    part = {"restoration": {"restoration_gain_db": {"mean": 0.65, "n": 1}}}
    raw = {"restoration": {"restoration_gain_db": {"mean": None, "n": 0}}}
    run = grid.Measured(None, {**found["one-0"].metrics, other: part, grid.Place("other", "raw"): raw})
    places = (*cell.places, *list(run.metrics)[1:])
    assert _gain(dataclasses.replace(cell, places=places), [run]) == pytest.approx((3 * 0.25 + 0.65) / 4)
    assert _gain(dataclasses.replace(cell, places=places[2:]), [run]) is None


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
