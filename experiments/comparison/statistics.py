"""The figures of a table's cells, with intervals over seeds and people, and the tests of who is ahead of whom."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from scipy.stats import norm
from sklearn.metrics import roc_curve

from experiments import grid, scoring
from experiments.comparison.plans import Cell, Plan
from experiments.scoring import Scores
from records.errors import DataError
from records.shards import Manifest
from tfafsr import bootstrap, metrics

FALSE_ALARMS = (0.01, 0.05)
SIGNIFICANT = 0.05
GAIN = "restoration_gain_db"
Pair = tuple[str, str]  # row, column


@dataclasses.dataclass(frozen=True)
class Figures:
    """What is measured in one cell; shares and areas in [0, 1], means over the seeds.

    Attributes:
        row, column: the cell.
        auc: frame AUC.
        auc_sd: its standard deviation over the seeds; None with one.
        auc_ci95: its interval over seeds and connected people; None with one component of people.
        video_auc: AUC of videos, whose score is the mean of their frames'.
        balanced_accuracy: of frames, at a probability of 0.5.
        tpr: share of the manipulated frames found at each share of false alarms in `FALSE_ALARMS`.
        gain: mean restoration gain in dB; None without AFSR, or for faces that were shrunk.
        seeds: number of runs.
        frames: number of faces.
        components: number of components of connected people.
        published: the paper's figure, in percent.
        leads: whether it is ahead of every cell that it is compared with.
    """

    row: str
    column: str
    auc: float
    auc_sd: float | None
    auc_ci95: tuple[float, float] | None
    video_auc: float
    balanced_accuracy: float
    tpr: tuple[float, ...]
    gain: float | None
    seeds: int
    frames: int
    components: int
    published: float | None
    leads: bool = False


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Two cells that are measured on the same faces.

    Attributes:
        first, second: their rows.
        column: their column, or that of the faces.
        difference: frame AUC of the first minus that of the second.
        ci95: its interval over seeds and connected people.
        p: two-sided p value.
        p_corrected: the same by Holm's method, for all comparisons of the table.
    """

    first: str
    second: str
    column: str
    difference: float
    ci95: tuple[float, float]
    p: float
    p_corrected: float

    @property
    def ahead(self) -> bool:
        """Whether the first is ahead of the second by more than the noise."""
        return self.difference > 0 and self.p_corrected < SIGNIFICANT


def measure(
    plan: Plan, measured: Mapping[str, grid.Measured], out: Path
) -> tuple[dict[Pair, Figures], list[Comparison]]:
    """The figures of all cells and the comparisons.

    The intervals are those of a bootstrap that draws the components of connected people and, for each row, the seeds.
    All cells that are compared are measured on the same draws of people, so that the difference is a paired one. Its p
    value is 2 * Phi(-|difference| / s), where s is the standard deviation of the replicates.

    Args:
        plan: the table.
        measured: the name of each run -> what was measured.
        out: folder of the runs.

    Raises:
        DataError: a score table is damaged, or two runs were tested on other faces.
    """
    subjects = {
        video: clip.subjects
        for folder in {place.records for cell in plan.cells.values() for place in cell.places}
        for video, clip in Manifest.load(Path(folder)).clips.items()
    }
    component_of = scoring.connected(subjects)
    figures: dict[Pair, Figures] = {}
    comparisons: list[Comparison] = []
    for among in dict.fromkeys(cell.among for cell in plan.cells.values()):
        cells = {pair: cell for pair, cell in plan.cells.items() if cell.among == among}
        found, replicates = _column(cells, measured, out, component_of)
        figures |= found
        if replicates and len(cells) > 1:
            comparisons += _compare(found, replicates, plan.reference)
    comparisons = _corrected(comparisons)
    ahead = {(one.first, one.column): True for one in comparisons if plan.reference is None}
    ahead |= {(one.first, one.column): False for one in comparisons if not one.ahead}
    return {pair: dataclasses.replace(figures[pair], leads=ahead.get(pair, False)) for pair in plan.cells}, comparisons


def _column(
    cells: Mapping[Pair, Cell], measured: Mapping[str, grid.Measured], out: Path, component_of: Mapping[str, int]
) -> tuple[dict[Pair, Figures], dict[Pair, np.ndarray]]:
    """The figures of cells that are measured on the same faces, and the replicates (R,) of each one's AUC."""
    scores = {pair: [_scores(cell, measured[run], run, out) for run in cell.runs] for pair, cell in cells.items()}
    first = next(iter(scores.values()))[0]
    for pair, of_seeds in scores.items():
        if any(not np.array_equal(one.ids, first.ids) for one in of_seeds):
            raise DataError(
                f"The runs of {pair[0]} were tested on other faces than the others; remove {out / grid.MEASURED}."
            )
    group, count = bootstrap.clusters([component_of[video] for video in first.videos])
    both = len(set(first.labels.tolist())) == 2
    replicates = {}
    if count > 1 and both:
        areas = _replicates([one for of_seeds in scores.values() for one in of_seeds], first.labels, group, count)
        for number, (pair, of_seeds) in enumerate(scores.items()):
            mine = np.stack([next(areas) for _ in of_seeds], axis=1)  # (R, seeds)
            drawn = np.random.default_rng((1, number)).integers(mine.shape[1], size=mine.shape)
            replicates[pair] = np.take_along_axis(mine, drawn, axis=1).mean(axis=1)
    figures = {}
    for pair, of_seeds in scores.items():
        cell = cells[pair]
        figures[pair] = _figures(
            pair, cell, of_seeds, replicates.get(pair), count, [measured[run] for run in cell.runs]
        )
    return figures, replicates


def _replicates(scores: list[Scores], labels: np.ndarray, group: np.ndarray, count: int):
    """Yields the AUC of each of the scores, (R,), for the same draws of clusters."""
    often = bootstrap.draws(np.random.default_rng(0), bootstrap.REPLICATES, count)
    rows = max(1, metrics.CHUNK // len(labels))
    for one in scores:
        parts = (often[start : start + rows] for start in range(0, len(often), rows))
        yield np.concatenate([metrics.weighted_auc(labels, one.values, part[:, group]) for part in parts])


def _scores(cell: Cell, measured: grid.Measured, run: str, out: Path) -> Scores:
    """The scores of a cell's faces by one run, sorted by the faces' ids."""
    parts = [
        scoring.load_frames(grid.frames_table(out, run, measured.metrics[place]), cell.side) for place in cell.places
    ]
    joined = Scores(
        *(np.concatenate([getattr(part, field.name) for part in parts]) for field in dataclasses.fields(Scores))
    )
    chosen = joined if cell.method is None else joined.only(cell.method)
    order = np.argsort(chosen.ids)
    return Scores(*(getattr(chosen, field.name)[order] for field in dataclasses.fields(Scores)))


def _figures(
    pair: Pair, cell: Cell, scores: list[Scores], replicates: np.ndarray | None, components: int, runs: list
) -> Figures:
    labels = scores[0].labels
    if len(set(labels.tolist())) < 2:
        raise DataError(f"{pair[0]}, {pair[1]}: the faces to test on are of one class; there is no AUC.")
    areas = [metrics.auc(labels, one.values) for one in scores]
    videos = [scoring.score_videos(one) for one in scores]
    gains = [
        run.metrics[cell.places[0]]["restoration"][GAIN]["mean"]
        for run in runs
        if cell.side is None and "restoration" in run.metrics[cell.places[0]]
    ]
    ends = None
    if replicates is not None:
        ends = tuple(float(end) for end in np.nanquantile(replicates, [0.025, 0.975]))
    return Figures(
        *pair,
        auc=float(np.mean(areas)),
        auc_sd=float(np.std(areas, ddof=1)) if len(areas) > 1 else None,
        auc_ci95=ends,
        video_auc=float(np.mean([metrics.auc(one.labels, one.values) for one in videos])),
        balanced_accuracy=float(np.mean([_balanced(one) for one in scores])),
        tpr=tuple(np.mean([_hits_at(one) for one in scores], axis=0).tolist()),
        gain=float(np.mean(gains)) if gains and None not in gains else None,
        seeds=len(scores),
        frames=len(labels),
        components=components,
        published=cell.published,
    )


def _balanced(scores: Scores) -> float:
    """The mean of the shares of real and of manipulated faces that are on their side of the threshold."""
    called = scores.values >= scoring.THRESHOLD
    return (called[scores.labels == 1].mean() + (~called)[scores.labels == 0].mean()) / 2


def _hits_at(scores: Scores) -> list[float]:
    """The largest share of manipulated faces found with at most each share of false alarms."""
    false_alarms, hits, _ = roc_curve(scores.labels, scores.values, drop_intermediate=False)
    return [float(hits[false_alarms <= limit].max()) for limit in FALSE_ALARMS]


def _compare(
    figures: Mapping[Pair, Figures], replicates: Mapping[Pair, np.ndarray], reference: str | None
) -> list[Comparison]:
    """The reference, or the best cell, against each of the others; p values are not corrected yet."""
    best = max(figures, key=lambda pair: (pair[0] == reference, figures[pair].auc))
    found = []
    for pair, other in figures.items():
        if pair == best:
            continue
        difference = figures[best].auc - other.auc
        drawn = replicates[best] - replicates[pair]
        spread = float(np.nanstd(drawn))
        p = float(2 * norm.sf(abs(difference) / spread)) if spread > 0 else float(difference == 0)
        ends = tuple(float(end) for end in np.nanquantile(drawn, [0.025, 0.975]))
        found.append(Comparison(best[0], pair[0], best[1], difference, ends, p, p))
    return found


def _corrected(comparisons: list[Comparison]) -> list[Comparison]:
    """Holm's step-down correction: the k-th smallest of m p values times m - k + 1, never falling."""
    largest, corrected = 0.0, {}
    order = sorted(range(len(comparisons)), key=lambda index: comparisons[index].p)
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, comparisons[index].p * (len(order) - rank)))
        corrected[index] = largest
    return [dataclasses.replace(one, p_corrected=corrected[index]) for index, one in enumerate(comparisons)]
