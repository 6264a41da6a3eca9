"""The figures of a table's cells, with intervals over seeds and people, and the tests of who is ahead of whom."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from scipy.stats import t as student
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
        leads: whether it is ahead of every other cell on the same faces by more than the noise.
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
        p: two-sided p value of Welch's t test.
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

    The variance of a figure is the sum of two. That of the people is a bootstrap's, which draws the components of
    connected people; all cells that are compared are measured on the same draws, so that their difference is a paired
    one. That of the seeds is their sample variance by their number. Intervals and p values are of Student's t with
    the degrees of freedom of Welch and Satterthwaite: a few seeds tell little of their own spread.

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
    leaders: list[tuple[Pair, float]] = []
    for among in dict.fromkeys(cell.among for cell in plan.cells.values()):
        cells = {pair: cell for pair, cell in plan.cells.items() if cell.among == among}
        found, replicates = _column(cells, measured, out, component_of)
        figures |= found
        if replicates and len(cells) > 1:
            comparisons += _compare(found, replicates, plan.references)
            leaders.append(_leader(found, replicates))
    led = {pair for pair, p in leaders if p * len(leaders) < SIGNIFICANT}
    return {pair: dataclasses.replace(figures[pair], leads=pair in led) for pair in plan.cells}, _corrected(comparisons)


def _column(
    cells: Mapping[Pair, Cell], measured: Mapping[str, grid.Measured], out: Path, component_of: Mapping[str, int]
) -> tuple[dict[Pair, Figures], dict[Pair, np.ndarray]]:
    """The figures of cells that are measured on the same faces, and the replicates (R,) of each one's mean AUC."""
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
        for pair, of_seeds in scores.items():
            replicates[pair] = np.mean([next(areas) for _ in of_seeds], axis=0)
    figures = {}
    for pair, of_seeds in scores.items():
        cell = cells[pair]
        figures[pair] = _figures(
            pair, cell, of_seeds, replicates.get(pair), count, [measured[run] for run in cell.runs]
        )
    return figures, replicates


def _replicates(scores: list[Scores], labels: np.ndarray, group: np.ndarray, count: int) -> Iterator[np.ndarray]:
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
    found = Figures(
        *pair,
        auc=float(np.mean(areas)),
        auc_sd=float(np.std(areas, ddof=1)) if len(areas) > 1 else None,
        auc_ci95=None,
        video_auc=float(np.mean([metrics.auc(one.labels, one.values) for one in videos])),
        balanced_accuracy=float(np.mean([_balanced(one) for one in scores])),
        tpr=tuple(np.mean([_hits_at(one) for one in scores], axis=0).tolist()),
        gain=_gain(cell, runs),
        seeds=len(scores),
        frames=len(labels),
        components=components,
        published=cell.published,
    )
    if replicates is None:
        return found
    low, high, _ = _interval(found.auc, replicates, found)
    return dataclasses.replace(found, auc_ci95=(max(0.0, low), min(1.0, high)))


def _balanced(scores: Scores) -> float:
    """The mean of the shares of real and of manipulated faces that are on their side of the threshold."""
    called = scores.values >= scoring.THRESHOLD
    return (called[scores.labels == 1].mean() + (~called)[scores.labels == 0].mean()) / 2


def _hits_at(scores: Scores) -> list[float]:
    """The largest share of manipulated faces found with at most each share of false alarms."""
    false_alarms, hits, _ = roc_curve(scores.labels, scores.values, drop_intermediate=False)
    return [float(hits[false_alarms <= limit].max()) for limit in FALSE_ALARMS]


def _gain(cell: Cell, runs: list[grid.Measured]) -> float | None:
    """The mean restoration gain over all faces and seeds; where the input is the target it has none."""
    if cell.side is not None:
        return None
    found = [run.metrics[place]["restoration"][GAIN] for run in runs for place in cell.places if _restores(run, place)]
    known = [one for one in found if one["mean"] is not None]
    return float(np.average([one["mean"] for one in known], weights=[one["n"] for one in known])) if known else None


def _restores(run: grid.Measured, place: grid.Place) -> bool:
    return "restoration" in run.metrics[place]


def _interval(value: float, replicates: np.ndarray, *cells: Figures) -> tuple[float, float, float]:
    """The ends of a figure's 95% interval, and the two-sided p value of the hypothesis that it is 0.

    Args:
        value: the figure, of one cell or the difference of two.
        replicates: what it is for other draws of the people, (R,).
        cells: the cells that it is of.
    """
    components = cells[0].components
    parts = [(float(np.nanvar(replicates)) * components / (components - 1), components - 1)]
    parts += [(cell.auc_sd**2 / cell.seeds, cell.seeds - 1) for cell in cells if cell.auc_sd is not None]
    variance = sum(part for part, _ in parts)
    if not variance:
        return value, value, float(value == 0)
    freedom = variance**2 / sum(part**2 / degrees for part, degrees in parts)
    error = variance**0.5
    reach = float(student.ppf(0.975, freedom)) * error
    return value - reach, value + reach, float(2 * student.sf(abs(value) / error, freedom))


def _compare(
    figures: Mapping[Pair, Figures], replicates: Mapping[Pair, np.ndarray], references: tuple[str, ...]
) -> list[Comparison]:
    """A reference against each of the others, or each against each; p values are not corrected yet."""
    reference = next((pair for pair in figures if pair[0] in references), None)
    if reference:
        return [_against(reference, pair, figures, replicates) for pair in figures if pair != reference]
    best_first = sorted(figures, key=lambda pair: -figures[pair].auc)
    return [_against(*two, figures, replicates) for two in itertools.combinations(best_first, 2)]


def _leader(figures: Mapping[Pair, Figures], replicates: Mapping[Pair, np.ndarray]) -> tuple[Pair, float]:
    """The best cell, and the largest p value of its comparisons with the others."""
    best = max(figures, key=lambda pair: figures[pair].auc)
    return best, max(_against(best, pair, figures, replicates).p for pair in figures if pair != best)


def _against(
    first: Pair, second: Pair, figures: Mapping[Pair, Figures], replicates: Mapping[Pair, np.ndarray]
) -> Comparison:
    one, other = figures[first], figures[second]
    difference = one.auc - other.auc
    low, high, p = _interval(difference, replicates[first] - replicates[second], one, other)
    return Comparison(first[0], second[0], first[1], difference, (low, high), p, p)


def _corrected(comparisons: list[Comparison]) -> list[Comparison]:
    """Holm's step-down correction: the k-th smallest of m p values times m - k + 1, never falling."""
    largest, corrected = 0.0, {}
    order = sorted(range(len(comparisons)), key=lambda index: comparisons[index].p)
    for rank, index in enumerate(order):
        largest = max(largest, min(1.0, comparisons[index].p * (len(order) - rank)))
        corrected[index] = largest
    return [dataclasses.replace(one, p_corrected=corrected[index]) for index, one in enumerate(comparisons)]
