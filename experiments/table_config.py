"""The options of the paper's tables and of the ablation, as frozen dataclasses."""

from __future__ import annotations

import dataclasses

from experiments.config import TFAFSR, DetectorOptions, TrainConfig, check_ranges, method_names, option

OWN_VARIANTS: dict[str, dict[str, object]] = {  # a row of the tables -> its changes to the options
    TFAFSR: {},
    "tfafsr-gap": {"pooling": "gap"},
    "tfafsr-gmp": {"pooling": "gmp"},
}


def changes_of(row: str) -> dict[str, object]:
    """The options in which a row's runs differ from those that were given."""
    return OWN_VARIANTS.get(row, {"method": row})


ROWS = (*method_names(), "tfafsr-gap", "tfafsr-gmp", TFAFSR)
DECIDED = {"compressions": (), "method": TFAFSR, "leave_out": None, "weights": None, "input_size": None}
"""Options of training that a table decides for each of its runs."""
SMOKE = {"epochs": 1, "steps": 1, "batch_size": 8}
SMOKE_DETECTOR = {"size": 64, "width": 4, "blocks": 1}
SMOKE_INPUT = 80  # pixels: every method takes it
SMOKE_ROWS = ("meso4", TFAFSR)


@dataclasses.dataclass(frozen=True)
class TableConfig:
    """The runs of one of the paper's tables.

    Attributes:
        train: the options of all runs; what is in `DECIDED` differs between them. Its seed is the first.
        methods: the methods, some of `ROWS`; None for all (in Table III: for our own).
        seeds: runs of each method, which differ in their seed.
        side: side at which the other methods see the faces; None for that of their authors.
        smoke: one short training of the smallest networks each, to see that everything runs.

    Raises:
        DataError: a number outside of its range.
    """

    train: TrainConfig
    methods: tuple[str, ...] | None = option(
        None, "Rows of the table.  [default: all; of table 3, tfafsr]", choices=ROWS, metavar="METHOD ..."
    )
    seeds: int = option(3, "Runs of each method, which differ in their seed.", range=(1, 100))
    side: int | None = option(
        None,
        "Side at which the other methods see the faces.  [default: their authors']",
        range=(32, 1024),
        flag="--input-size",
    )
    smoke: bool = option(
        False,
        "One training step of the smallest networks, to see that everything runs; by default of "
        f"{' and '.join(SMOKE_ROWS)}.",
    )

    def __post_init__(self) -> None:
        check_ranges(self)

    @property
    def named(self) -> tuple[str, ...] | None:
        """The methods that were named; None for all."""
        return SMOKE_ROWS if self.smoke and self.methods is None else self.methods

    def of(self, changes: dict[str, object]) -> list[TrainConfig]:
        """The options of the runs of a row, one for each seed, with changes to them or to the detector's."""
        return _seeded(self.train, self.seeds, self.smoke, self.side, changes)


@dataclasses.dataclass(frozen=True)
class AblationConfig:
    """The runs of the full model and of the model without each of its parts.

    Attributes:
        train: the options of the full model; its seed is the first.
        seeds, smoke: as in `TableConfig`.

    Raises:
        DataError: a number outside of its range.
    """

    train: TrainConfig
    compression: str | None = option(
        None, "Train and test on the faces at this.  [default: c40; the records' lowest quality if they have no c40]"
    )
    seeds: int = option(3, "Runs of each variant, which differ in their seed.", range=(1, 100))
    smoke: bool = option(False, "One training step of the smallest network, to see that everything runs.")

    def __post_init__(self) -> None:
        check_ranges(self)

    def of(self, changes: dict[str, object]) -> list[TrainConfig]:
        """The options of the runs of a variant, one for each seed."""
        return _seeded(self.train, self.seeds, self.smoke, None, changes)


def _seeded(
    train: TrainConfig, seeds: int, smoke: bool, side: int | None, changes: dict[str, object]
) -> list[TrainConfig]:
    """The options of the runs of one row of a table, which differ in their seed."""
    if smoke:
        train, seeds, side = smallest(train), 1, SMOKE_INPUT
    changed = variant(train, side, changes)
    return [dataclasses.replace(changed, seed=seed) for seed in range(train.seed, train.seed + seeds)]


def variant(train: TrainConfig, input_size: int | None, changes: dict[str, object]) -> TrainConfig:
    """The options with changes, to them or to the detector's.

    Args:
        train: options of our own method.
        input_size: side at which another method sees the faces; None for its authors'.
        changes: option -> value. If `method` is another one, the detector's options are left out, but for the size.
    """
    if changes.get("method", TFAFSR) != TFAFSR:
        detector = DetectorOptions(size=train.detector.size)
        return dataclasses.replace(train, detector=detector, input_size=input_size, **changes)
    own = {field.name for field in dataclasses.fields(DetectorOptions)}
    detector = dataclasses.replace(train.detector, **{name: value for name, value in changes.items() if name in own})
    rest = {name: value for name, value in changes.items() if name not in own}
    return dataclasses.replace(train, detector=detector, **rest)


def smallest(train: TrainConfig) -> TrainConfig:
    """The options with one step of training of the smallest network."""
    return dataclasses.replace(train, detector=dataclasses.replace(train.detector, **SMOKE_DETECTOR), **SMOKE)
