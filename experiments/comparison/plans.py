"""What a table consists of: its rows and columns, and for each cell the run that is tested, and on which faces."""

from __future__ import annotations

import dataclasses
from collections.abc import Container, Iterable
from pathlib import Path

from experiments import grid, runs
from experiments.comparison import published
from experiments.config import TFAFSR, TrainConfig
from experiments.table_config import OWN_VARIANTS, ROWS, AblationConfig, TableConfig, changes_of
from records.errors import DataError
from records.shards import Manifest
from tfafsr.presets import preset

FFPP = ("raw", "c23", "c40")
TIMIT = ("hq", "lq")
LOW = "c40"
SIDES = (16, 24, 32, 48, 64, 96)
FULL = "full"
WHOLE = "full model"
VARIANTS: dict[str, dict[str, object]] = {  # of the ablation
    "average pooling": {"pooling": "gap"},
    "maximum pooling": {"pooling": "gmp"},
    "no AFSR": {"output": "none", "error_image": "ela"},
    "plain MSE": {"artifact_weight": 0.0, "reconstruction_weight": 1.0},
    "no error image": {"error_image": "none"},
    "no triplet loss": {"triplet_weight": 0.0},
    "error levels of the reconstruction": {"ela_of": "reconstruction"},
    "late fusion": {"fusion": "late"},
    "hard mining": {"mining": "hard"},
    "residual as input": {"error_image": "ela+residual"},
    "residual not as input": {"error_image": "ela"},
    "plain output": {"output": "plain"},
    "no mask head": {"mask_weight": 0.0},
}
DEFAULTS: dict[str, object] = {  # of the options in VARIANTS that presets do not set
    "pooling": "fp",
    "artifact_weight": 1.0,
    "reconstruction_weight": 0.5,
    "triplet_weight": 1.0,
    "ela_of": "input",
    "fusion": "early",
    "mining": "semi_hard",
    "mask_weight": 0.0,
}


@dataclasses.dataclass(frozen=True)
class Cell:
    """One cell of a table.

    Attributes:
        runs: names of its runs, one for each seed.
        places: where they are tested; the faces of several places count together.
        method: the manipulation whose fakes count; None for all.
        side: side in pixels to which the faces are shrunk; None for the faces as they are.
        published: the paper's figure in percent; None if it has none.
        among: cells with the same value are compared with each other, because they are measured on the same faces.
    """

    runs: tuple[str, ...]
    places: tuple[grid.Place, ...]
    method: str | None
    side: int | None
    published: float | None
    among: str


@dataclasses.dataclass(frozen=True)
class Plan:
    """A table.

    Attributes:
        name: the name of its files' heading, such as `Table I`.
        title: what it shows.
        rows: the rows' names.
        columns: the columns' names.
        cells: (row, column) -> cell; a pair may be missing.
        jobs: the name of each run -> the run.
        references: rows with which all others on the same faces are compared; where there is none, each is with each.
        notes: what a reader must know beside that, as sentences.
    """

    name: str
    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: dict[tuple[str, str], Cell]
    jobs: dict[str, grid.Job]
    references: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def without_missing(self, finished: Container[str]) -> Plan:
        """The table without the cells of which a run is missing."""
        cells = {pair: cell for pair, cell in self.cells.items() if all(run in finished for run in cell.runs)}
        note = f"{len(self.cells) - len(cells)} of {len(self.cells)} cells are missing: their runs failed."
        rows, columns = rows_and_columns(cells)
        return dataclasses.replace(self, rows=rows, columns=columns, cells=cells, notes=(*self.notes, note))


def table(number: str, config: TableConfig) -> Plan:
    """The plan of Table `1`, `2`, `3` or `resolution`.

    Raises:
        DataError: the records do not hold what the table needs.
    """
    return {"1": _table_1, "2": _table_2, "3": _table_3, "resolution": _resolution}[number](config)


def ablation(config: AblationConfig) -> Plan:
    """The full model, and the model without each of its parts in turn, trained and tested at one compression.

    Raises:
        DataError: the records hold no faces to train or to test on.
    """
    records = config.train.records
    held = _held(records, "train")
    compression = config.compression or (LOW if LOW in held else held[-1])
    places = _places(records, (compression,))
    builder = _Builder(config)
    for name, changes in {WHOLE: {}, **_without_each(config.train)}.items():
        builder.add(name, compression, changes, (compression,), places, among="all")
    return builder.plan("Ablation", f"What each part of the method is worth, at {compression}", (WHOLE,))


def _without_each(train: TrainConfig) -> dict[str, dict[str, object]]:
    """The name of each variant of the model -> the options in which it differs."""
    full = {**DEFAULTS, **preset(train.preset, **train.detector.given())}
    return {
        name: changes
        for name, changes in VARIANTS.items()
        if any(full[option] != value for option, value in changes.items())
    }


def _table_1(config: TableConfig) -> Plan:
    """Methods x the paper's qualities, trained and tested at each, and all of FaceForensics++'s together."""
    records = config.train.records
    held = _held(records, "train")
    held = [name for name in held if name in (*TIMIT, *FFPP)] or held
    groups = {name: (name,) for name in sorted(held, key=lambda name: (name in FFPP, held.index(name)))}
    together = tuple(name for name in FFPP if name in held)
    if len(together) > 1:
        groups[published.TOTAL] = together
    builder = _Builder(config)
    for row in _rows(config):
        for column, compressions in groups.items():
            of_paper = published.TABLE_1.get(row, {}).get(column)
            if column == published.TOTAL and together != FFPP:
                of_paper = None  # the paper's is of all three
            places = _places(records, compressions)
            builder.add(row, column, changes_of(row), compressions, places, published=of_paper)
    title = "AUC by method and quality, trained and tested at each"
    return builder.plan("Table I", title, (TFAFSR,), _left_out(config))


def _table_2(config: TableConfig) -> Plan:
    """Methods x manipulations, at c40."""
    places = _places(config.train.records, (LOW,))
    fakes = sorted({fake for place in places for fake in _fakes(place)})
    builder = _Builder(config)
    for row in _rows(config):
        for fake in fakes:
            of_paper = published.TABLE_2.get(row, {}).get(fake)
            changes = changes_of(row)
            builder.add(row, fake, changes, (LOW,), places, fake=fake, published=of_paper)
    title = f"AUC by method and manipulation, trained and tested at {LOW}"
    return builder.plan("Table II", title, (TFAFSR,), _left_out(config))


def _table_3(config: TableConfig) -> Plan:
    """Compression in training x compression of the test."""
    records = config.train.records
    held = _held(records, "train")
    trained = [name for name in FFPP if name in held] or held
    builder = _Builder(config)
    for row in _rows(config) if config.methods else (TFAFSR,):
        for before in trained:
            for after in trained:
                of_paper = published.TABLE_3.get(before, {}).get(after) if row == TFAFSR else None
                builder.add(
                    f"trained at {before}" if row == TFAFSR else f"{row}, trained at {before}",
                    after,
                    changes_of(row),
                    (before,),
                    _places(records, (after,)),
                    published=of_paper,
                )
    return builder.plan("Table III", "AUC by compression in training (rows) and of the test (columns)")


def _resolution(config: TableConfig) -> Plan:
    """Methods x compression x size of the face, trained on all of FaceForensics++'s compressions together."""
    records = config.train.records
    held = _held(records, "train")
    trained = tuple(name for name in FFPP if name in held) or tuple(held)
    (first, *_) = config.of({})
    size = preset(first.preset, **first.detector.given())["size"]
    places = _places(records, tuple(_held(records, grid.SPLIT)))
    builder = _Builder(config)
    for compression in sorted({place.compression for place in places}, key=_quality):
        here = tuple(place for place in places if place.compression == compression)
        for row in _rows(config):
            for side in (*(side for side in SIDES if side < size), None):
                builder.add(
                    f"{compression}, {row}",
                    FULL if side is None else f"{side} pixels",
                    changes_of(row),
                    trained,
                    here,
                    side=side,
                    among=f"{compression}, {side}",
                )
    shown = ", ".join(trained)
    title = f"AUC by compression, method and size of the face, trained at {shown} together"
    references = tuple(row for row in rows_and_columns(builder.cells)[0] if row.endswith(f", {TFAFSR}"))
    return builder.plan("Resolution", title, references, _left_out(config))


def rows_and_columns(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The names of the rows and of the columns of some cells, each once."""
    pairs = tuple(pairs)
    return tuple(dict.fromkeys(row for row, _ in pairs)), tuple(dict.fromkeys(column for _, column in pairs))


class _Builder:
    """Collects the cells of a table and the runs that they need."""

    def __init__(self, config: TableConfig | AblationConfig) -> None:
        self.config = config
        self.cells: dict[tuple[str, str], Cell] = {}
        self.jobs: dict[str, grid.Job] = {}

    def add(
        self,
        row: str,
        column: str,
        changes: dict[str, object],
        compressions: tuple[str, ...],
        places: tuple[grid.Place, ...],
        fake: str | None = None,
        side: int | None = None,
        published: float | None = None,
        among: str | None = None,
    ) -> None:
        """Adds a cell and, where they are missing, its runs; they are tested where the cell needs it."""
        names = []
        records = _holders(self.config.train.records, "train", compressions) or self.config.train.records
        for config in self.config.of({**changes, "compressions": compressions, "records": records}):
            if config.method != TFAFSR and runs.method_class(config.method).BACKBONE is None:
                config = dataclasses.replace(config, init=None)  # nobody has trained its network on other pictures
            if (burst := runs.method_class(config.method).BURST) > 1:  # a batch of as many faces as the others'
                bursts = max(2, config.schedule.batch_size // burst)
                config = dataclasses.replace(config, batch_size=bursts)
            name = f"{_slug(row, changes)}-{'+'.join(compressions)}-seed{config.seed}"
            before = self.jobs.get(name, grid.Job(config, ()))
            sides = {*before.sides, *([] if side is None else [side])}
            tested = dict.fromkeys((*before.places, *places))
            self.jobs[name] = grid.Job(config, tuple(tested), tuple(sorted(sides)))
            names.append(name)
        self.cells[row, column] = Cell(tuple(names), places, fake, side, published, among or column)

    def plan(self, name: str, title: str, references: tuple[str, ...] = (), notes: tuple[str, ...] = ()) -> Plan:
        """The whole table; all runs of the first seed come first, our own before the others."""
        order = sorted(self.jobs, key=lambda run: (self.jobs[run].config.seed, self.jobs[run].config.method != TFAFSR))
        jobs = {run: self.jobs[run] for run in order}
        return Plan(name, title, *rows_and_columns(self.cells), self.cells, jobs, references, notes)


def _slug(row: str, changes: dict[str, object]) -> str:
    """The beginning of a run's name, the same in all tables."""
    if "method" in changes:
        return changes["method"]
    own = (name for name, of_row in OWN_VARIANTS.items() if of_row == changes)
    return next(own, f"{TFAFSR}-{row.replace(' ', '-')}")


def _rows(config: TableConfig) -> tuple[str, ...]:
    """The methods, in the order of `ROWS`; by default those that the records suffice for.

    Raises:
        DataError: a method that was named reads longer bursts than the records have.
    """
    rows = tuple(row for row in ROWS if config.named is None or row in config.named)
    short = [row for row in rows if (burst := _burst(row)) > 1 and _shortest_burst(config) < burst]
    if short and config.named:
        raise DataError(
            f"--methods: {short[0]} reads {_burst(short[0])} neighbouring frames; build the records with --burst "
            f"{_burst(short[0])}, or leave it out."
        )
    return tuple(row for row in rows if row not in short)


def _left_out(config: TableConfig) -> tuple[str, ...]:
    """A sentence for each method that the records do not suffice for."""
    missing = [row for row in ROWS if config.named is None and row not in _rows(config)]
    return tuple(f"{row} is left out: it needs records of `tfafsr build --burst {_burst(row)}`." for row in missing)


def _burst(row: str) -> int:
    return runs.method_class(changes_of(row).get("method", TFAFSR)).BURST


def _shortest_burst(config: TableConfig) -> int:
    return min(Manifest.load(Path(folder)).options.get("burst", 1) for folder in config.train.records)


def _held(folders: tuple[str, ...], split: str) -> list[str]:
    """The compressions of the records, the best first.

    Raises:
        DataError: there are none.
    """
    found = {name for folder in folders for name in Manifest.load(Path(folder)).counts.get(split, {})}
    if not found:
        raise DataError(
            f"The records {', '.join(folders)} hold no faces of the split {split!r}; `tfafsr inspect` lists what they "
            "hold."
        )
    return sorted(found, key=_quality)


def _places(folders: tuple[str, ...], compressions: tuple[str, ...]) -> tuple[grid.Place, ...]:
    """The places at these compressions that hold faces to test on.

    Raises:
        DataError: there are none.
    """
    holders = _holders(folders, grid.SPLIT, compressions)
    if not holders:
        raise DataError(
            f"The records {', '.join(folders)} hold no {' or '.join(compressions)} faces of the split {grid.SPLIT!r}; "
            "`tfafsr inspect` lists what they hold."
        )
    return grid.test_places(holders, compressions)


def _holders(folders: tuple[str, ...], split: str, compressions: tuple[str, ...]) -> tuple[str, ...]:
    """The folders that hold faces of a split at one of the compressions."""
    counts = {folder: Manifest.load(Path(folder)).counts.get(split, {}) for folder in folders}
    return tuple(folder for folder in folders if {*compressions} & {*counts[folder]})


def _fakes(place: grid.Place) -> set[str]:
    """The manipulations of a place's clips."""
    clips = Manifest.load(Path(place.records)).clips.values()
    return {
        clip.method
        for clip in clips
        if clip.label and clip.frames_scored and (clip.split, clip.compression) == (grid.SPLIT, place.compression)
    }


def _quality(compression: str) -> tuple[int, str]:
    """A key that sorts compressions, the best first: raw, c23, c28, ..., hq, lq."""
    if compression.startswith("c") and compression[1:].isdigit():
        return int(compression[1:]), compression
    return {"raw": 0, "hq": 100, "lq": 101}.get(compression, 102), compression
