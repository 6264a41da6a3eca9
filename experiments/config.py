"""The options of a training run, as frozen dataclasses: command line, config.json and messages are made from them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from typing import Literal

from experiments.version import package
from records.errors import DataError


def method_names() -> tuple[str, ...]:
    """The baselines, found by their files: an import would load TensorFlow."""
    return tuple(sorted(path.stem for path in (package() / "baselines").glob("[!_]*.py")))


@dataclasses.dataclass(frozen=True)
class Schedule:
    """The schedule of a training run.

    Attributes:
        epochs: passes over the (class-balanced) training split.
        batch_size: faces in a step.
        learning_rate: Adam's learning rate in the first epochs.
        drop_every: epochs after which the learning rate is divided by 10.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    drop_every: int


SCHEDULES = {
    "paper": Schedule(epochs=20, batch_size=64, learning_rate=1e-4, drop_every=10),  # Section IV of the paper
    "small": Schedule(epochs=12, batch_size=32, learning_rate=5e-4, drop_every=9),
    "tiny": Schedule(epochs=6, batch_size=32, learning_rate=1e-3, drop_every=4),
}


TFAFSR = "tfafsr"
METHODS = (TFAFSR, *method_names())
PRESETS_DEFAULT = "  [default: the preset's]"


def _option(default: object, text: str, **metadata: object):
    """A dataclass field with a default, help and further metadata for the command line (`experiments.cli.options`)."""
    return dataclasses.field(default=default, metadata={"help": text, **metadata})


@dataclasses.dataclass(frozen=True)
class DetectorOptions:
    """Arguments of `tfafsr.Detector`; None means the preset's value, or Detector's default.

    Raises:
        DataError: a number outside of its range.
    """

    size: int | None = _option(None, "Side of the faces in pixels." + PRESETS_DEFAULT, range=(64, 1024))
    width: int | None = _option(None, "Filters of ResNet-18's first stage." + PRESETS_DEFAULT, range=(4, 256))
    decoder: int | None = _option(None, "Factor of the filters of AFSR's decoder.", range=(1, 4))
    blocks: int | None = _option(None, "Residual blocks a stage: 2 is ResNet-18, 1 is ResNet-10.", range=(1, 2))
    output: Literal["plain", "residual", "none"] | None = _option(
        None, "AFSR's output; `none` is TFE alone." + PRESETS_DEFAULT
    )
    pooling: Literal["fp", "gap", "gmp"] | None = _option(None, "Fusion, average or maximum pooling.")
    fusion: Literal["early", "late"] | None = _option(None, "Add TFE's two streams before or after the trunk.")
    ela_of: Literal["input", "reconstruction"] | None = _option(None, "The image whose error levels TFE reads.")
    mining: Literal["semi_hard", "hard"] | None = _option(None, "How triplets are chosen.")
    error_image: Literal["ela", "ela+residual", "none"] | None = _option(
        None, "TFE's second stream reads error levels, or also what AFSR changed; or there is none." + PRESETS_DEFAULT
    )
    afsr_gradient: Literal["full", "stop"] | None = _option(
        None, "Whether detection trains AFSR, too." + PRESETS_DEFAULT
    )
    afsr_weight: float | None = _option(None, "Weight of L_AFSR against L_TFE." + PRESETS_DEFAULT, range=(0, None))
    artifact_weight: float | None = _option(None, "Weight of the manipulated part in L_AFSR.", range=(0, None))
    reconstruction_weight: float | None = _option(
        None, "Weight of the whole face beside its manipulated part, lambda_1.", range=(0, None)
    )
    triplet_weight: float | None = _option(None, "Weight of the triplet loss.", range=(0, None))
    mask_weight: float | None = _option(
        None, "Weight of a head that tells where a face was manipulated; 0 for none.", range=(0, None)
    )

    def __post_init__(self) -> None:
        _check_ranges(self)

    def given(self) -> dict[str, object]:
        """The arguments that are not None."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """All options that decide the result of a training run; the content of the records decides the rest.

    Attributes:
        records: folders written by `tfafsr build`.
        detector: arguments of `tfafsr.Detector`.
        compressions: names such as c40; each face is compared with its least compressed twin.
        epochs, batch_size, learning_rate, drop_every: as in `Schedule`; None means the preset's value.

    Raises:
        DataError: a number outside of its range, or `self_blend` without `balanced`.
    """

    records: tuple[str, ...] = dataclasses.field(
        metadata={"help": "Records of `tfafsr build`.", "metavar": "FOLDER ..."}
    )
    compressions: tuple[str, ...] = dataclasses.field(
        metadata={
            "help": "Train and validate on the faces at these: raw, c23, c40, or several of them together.",
            "metavar": "NAME ...",
            "flag": ("--compressions", "--compression"),
        }
    )
    preset: Literal["paper", "small", "tiny"] = _option("paper", "Size, width, AFSR's output and the schedule.")
    detector: DetectorOptions = dataclasses.field(default_factory=DetectorOptions)
    epochs: int | None = _option(None, "Passes over the training split." + PRESETS_DEFAULT, range=(1, None))
    batch_size: int | None = _option(None, "Faces in a step." + PRESETS_DEFAULT, range=(2, None))
    learning_rate: float | None = _option(
        None, "Adam's learning rate in the first epochs." + PRESETS_DEFAULT, range=(0, None), min_open=True
    )
    steps: int | None = _option(
        None, "Steps an epoch, of other faces each time.  [default: as many as the faces fill]", range=(1, None)
    )
    drop_every: int | None = _option(
        None, "Epochs after which the learning rate falls to a tenth." + PRESETS_DEFAULT, range=(1, None)
    )
    leave_out: tuple[str, ...] | None = _option(
        None, "Train and validate without the fakes of these methods.", metavar="METHOD ..."
    )
    seed: int = _option(
        0, "Seed of the initial weights, the order of the faces and their random changes.", range=(0, 2**32 - 1)
    )
    dtype: Literal["float32", "mixed_bfloat16"] = _option("float32", "Dtype policy of the layers.")
    balanced: bool = _option(True, "As many real as manipulated faces in a batch.", flag="--balanced/--unbalanced")
    augment: Literal["none", "flip", "strong"] = _option(
        "flip",
        "Random changes: `flip` mirrors half of the faces; `strong` also changes colours and crop, and covers parts.",
    )
    degrade: float = _option(
        0.0,
        "Share of the faces that are degraded: shrunk by up to 6 and enlarged again, blurred, JPEG.",
        range=(0, 1),
    )
    self_blend: float = _option(
        0.0,
        "Share of the manipulated faces that are made while reading: the real face before them, blended with itself.",
        range=(0, 1),
    )
    weights: str | None = _option(
        None,
        "Begin with these trained weights: their name, a file, or a run, whose faces may have another size."
        "  [default: random ones]",
    )
    init: str | None = _option(
        None,
        "Begin with a network that was trained on other pictures: `imagenet`, which is downloaded, or a file of its "
        "weights (.weights.h5).  [default: random weights]",
        metavar="imagenet|FILE",
    )
    distil: str | None = _option(
        None,
        "Also learn what this finished run says of the faces at their best quality: from raw to c40.",
        metavar="RUN",
    )
    distil_weight: float = _option(1.0, "Weight of what --distil teaches in the loss.", range=(0, None))
    method: str = _option(TFAFSR, "AFSR and TFE together, or a method to compare with.", choices=METHODS)
    input_size: int | None = _option(
        None, "Side at which another method sees the faces.  [default: its authors']", range=(32, 1024)
    )

    def __post_init__(self) -> None:
        _check_ranges(self)
        self._check_method()
        if self.init and self.weights:
            raise DataError("Give --init or --weights: both say with what the training begins.")
        if self.self_blend and not self.balanced:
            raise DataError("--self-blend needs --balanced: each fake is made from the real face before it.")

    def _check_method(self) -> None:
        """Raises `DataError` for an unknown method, and for options that the method does not have."""
        if self.method not in METHODS:
            raise DataError(f"method must be one of {', '.join(METHODS)}; received {_short(self.method)}.")
        if self.method == TFAFSR:
            foreign = ["input_size"] if self.input_size else []
        else:
            foreign = [name for name in self.detector.given() if name != "size"]
        if foreign:
            raise DataError(
                f"--method {self.method} does not have the option --{foreign[0].replace('_', '-')}; leave it out."
            )

    @property
    def schedule(self) -> Schedule:
        """The preset's schedule, with the values that were given instead."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(Schedule)}
        return dataclasses.replace(
            SCHEDULES[self.preset], **{name: value for name, value in given.items() if value is not None}
        )

    @property
    def without(self) -> tuple[str, ...]:
        """The methods whose fakes are left out; empty if none are."""
        return self.leave_out or ()

    def learning_rate_at(self, epoch: int) -> float:
        """Adam's learning rate in `epoch` (from 0): divided by 10 every `drop_every` epochs."""
        return self.schedule.learning_rate * 0.1 ** (epoch // self.schedule.drop_every)

    def differences(self, other: TrainConfig) -> list[str]:
        """`option: value here, value there` for each option by which two runs differ.

        Two options are not compared: more epochs continue a run, and records may have moved (their hash is compared).
        """
        mine, theirs = dict(_flat(self)), dict(_flat(other))
        return [
            f"{name}: {_short(mine[name])}, there {_short(theirs[name])}"
            for name in sorted(mine)
            if name not in ("epochs", "records") and mine[name] != theirs[name]
        ]


@dataclasses.dataclass(frozen=True)
class LeaveOneOutConfig:
    """Training runs of which each leaves one more method out, and one that does not.

    Attributes:
        train: the options of all runs; methods in its `leave_out` are in none of them.
        methods: the methods that are left out in turn; None for all.

    Raises:
        DataError: `train` begins with trained weights.
    """

    train: TrainConfig
    methods: tuple[str, ...] | None = _option(
        None, "The methods that are left out in turn.  [default: all]", metavar="METHOD ..."
    )

    def __post_init__(self) -> None:
        if self.train.weights is not None:
            raise DataError(
                "Leave out --weights: trained weights may know the method that is left out, and the figures would mean "
                "nothing."
            )


OWN_VARIANTS: dict[str, dict[str, object]] = {  # a row of the tables -> its changes to the options
    TFAFSR: {},
    "tfafsr-gap": {"pooling": "gap"},
    "tfafsr-gmp": {"pooling": "gmp"},
}
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
    methods: tuple[str, ...] | None = _option(
        None, "Rows of the table.  [default: all; of table 3, tfafsr]", choices=ROWS, metavar="METHOD ..."
    )
    seeds: int = _option(3, "Runs of each method, which differ in their seed.", range=(1, 100))
    side: int | None = _option(
        None,
        "Side at which the other methods see the faces.  [default: their authors']",
        range=(32, 1024),
        flag="--input-size",
    )
    smoke: bool = _option(
        False,
        "One training step of the smallest networks, to see that everything runs; by default of "
        f"{' and '.join(SMOKE_ROWS)}.",
    )

    def __post_init__(self) -> None:
        _check_ranges(self)

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
    compression: str | None = _option(
        None, "Train and test on the faces at this.  [default: c40; the records' lowest quality if they have no c40]"
    )
    seeds: int = _option(3, "Runs of each variant, which differ in their seed.", range=(1, 100))
    smoke: bool = _option(False, "One training step of the smallest network, to see that everything runs.")

    def __post_init__(self) -> None:
        _check_ranges(self)

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


def _check_ranges(options: object) -> None:
    """Raises `DataError` where a number is outside of its field's range."""
    for field in dataclasses.fields(options):
        value = getattr(options, field.name)
        if value is None:
            continue
        low, high = field.metadata.get("range", (None, None))
        above = field.metadata.get("min_open", False)
        for fits, words in (
            (low is None or (value > low if above else value >= low), f"{'above' if above else 'at least'} {low}"),
            (high is None or value <= high, f"at most {high}"),
        ):
            if not fits:
                raise DataError(f"{field.name} must be {words}; received {_short(value)}.")


def _flat(config: TrainConfig) -> Iterator[tuple[str, object]]:
    """Each option with its value, including those of the detector."""
    for name, value in dataclasses.asdict(config).items():
        if name == "detector":
            yield from value.items()
        else:
            yield name, value


def _short(value: object) -> str:
    """A value for a message, in at most 60 characters."""
    text = "the default" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
