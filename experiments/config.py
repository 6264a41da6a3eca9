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


def option(default: object, text: str, **metadata: object):
    """A dataclass field with a default, help and further metadata for the command line (`experiments.cli.options`)."""
    return dataclasses.field(default=default, metadata={"help": text, **metadata})


@dataclasses.dataclass(frozen=True)
class DetectorOptions:
    """Arguments of `tfafsr.Detector`; None means the preset's value, or Detector's default.

    Raises:
        DataError: a number outside of its range.
    """

    size: int | None = option(None, "Side of the faces in pixels." + PRESETS_DEFAULT, range=(64, 1024))
    width: int | None = option(None, "Filters of ResNet-18's first stage." + PRESETS_DEFAULT, range=(4, 256))
    decoder: int | None = option(None, "Factor of the filters of AFSR's decoder.", range=(1, 4))
    blocks: int | None = option(None, "Residual blocks a stage: 2 is ResNet-18, 1 is ResNet-10.", range=(1, 2))
    output: Literal["plain", "residual", "none"] | None = option(
        None, "AFSR's output; `none` is TFE alone." + PRESETS_DEFAULT
    )
    pooling: Literal["fp", "gap", "gmp"] | None = option(None, "Fusion, average or maximum pooling.")
    fusion: Literal["early", "late"] | None = option(None, "Add TFE's two streams before or after the trunk.")
    ela_of: Literal["input", "reconstruction"] | None = option(None, "The image whose error levels TFE reads.")
    mining: Literal["semi_hard", "hard"] | None = option(None, "How triplets are chosen.")
    error_image: Literal["ela", "ela+residual", "none"] | None = option(
        None, "TFE's second stream reads error levels, or also what AFSR changed; or there is none." + PRESETS_DEFAULT
    )
    afsr_gradient: Literal["full", "stop"] | None = option(
        None, "Whether detection trains AFSR, too." + PRESETS_DEFAULT
    )
    afsr_weight: float | None = option(None, "Weight of L_AFSR against L_TFE." + PRESETS_DEFAULT, range=(0, None))
    artifact_weight: float | None = option(None, "Weight of the manipulated part in L_AFSR.", range=(0, None))
    reconstruction_weight: float | None = option(
        None, "Weight of the whole face beside its manipulated part, lambda_1.", range=(0, None)
    )
    triplet_weight: float | None = option(None, "Weight of the triplet loss.", range=(0, None))
    mask_weight: float | None = option(
        None, "Weight of a head that tells where a face was manipulated; 0 for none.", range=(0, None)
    )

    def __post_init__(self) -> None:
        check_ranges(self)

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
    preset: Literal["paper", "small", "tiny"] = option("paper", "Size, width, AFSR's output and the schedule.")
    detector: DetectorOptions = dataclasses.field(default_factory=DetectorOptions)
    epochs: int | None = option(None, "Passes over the training split." + PRESETS_DEFAULT, range=(1, None))
    batch_size: int | None = option(None, "Faces in a step." + PRESETS_DEFAULT, range=(2, None))
    learning_rate: float | None = option(
        None, "Adam's learning rate in the first epochs." + PRESETS_DEFAULT, range=(0, None), min_open=True
    )
    steps: int | None = option(
        None, "Steps an epoch, of other faces each time.  [default: as many as the faces fill]", range=(1, None)
    )
    drop_every: int | None = option(
        None, "Epochs after which the learning rate falls to a tenth." + PRESETS_DEFAULT, range=(1, None)
    )
    shares: int | None = option(
        None,
        "Cut the training faces into so many equal parts, each shuffled alone and read by one worker; the order of the "
        "faces depends on it.  [default: the number of workers]",
        range=(1, 4096),
    )
    leave_out: tuple[str, ...] | None = option(
        None, "Train and validate without the fakes of these methods.", metavar="METHOD ..."
    )
    seed: int = option(
        0, "Seed of the initial weights, the order of the faces and their random changes.", range=(0, 2**32 - 1)
    )
    dtype: Literal["float32", "mixed_bfloat16", "mixed_float16"] = option("float32", "Dtype policy of the layers.")
    balanced: bool = option(True, "As many real as manipulated faces in a batch.", flag="--balanced/--unbalanced")
    augment: Literal["none", "flip", "strong"] = option(
        "flip",
        "Random changes: `flip` mirrors half of the faces; `strong` also changes colours and crop, and covers parts.",
    )
    degrade: float = option(
        0.0,
        "Share of the faces that are degraded: shrunk by up to 6 and enlarged again, blurred, JPEG.",
        range=(0, 1),
    )
    self_blend: float = option(
        0.0,
        "Share of the manipulated faces that are made while reading: the real face before them, blended with itself.",
        range=(0, 1),
    )
    weights: str | None = option(
        None,
        "Begin with these trained weights: their name, a file, or a run, whose faces may have another size."
        "  [default: random ones]",
    )
    init: str | None = option(
        None,
        "Begin with a network that was trained on other pictures: `imagenet`, which is downloaded, or a file of its "
        "weights (.weights.h5).  [default: random weights]",
        metavar="imagenet|FILE",
    )
    distil: str | None = option(
        None,
        "Also learn what this finished run says of the faces at their best quality: from raw to c40.",
        metavar="RUN",
    )
    distil_weight: float = option(1.0, "Weight of what --distil teaches in the loss.", range=(0, None))
    method: str = option(TFAFSR, "AFSR and TFE together, or a method to compare with.", choices=METHODS)
    input_size: int | None = option(
        None, "Side at which another method sees the faces.  [default: its authors']", range=(32, 1024)
    )

    def __post_init__(self) -> None:
        check_ranges(self)
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

        Three options are not compared: more epochs continue a run, records may have moved (their hash is compared), and
        a run that is resumed keeps its shares unless others are given.
        """
        mine, theirs = dict(_flat(self)), dict(_flat(other))
        return [
            f"{name}: {_short(mine[name])}, there {_short(theirs[name])}"
            for name in sorted(mine)
            if name not in ("epochs", "records")
            and mine[name] != theirs[name]
            and (name, mine[name]) != ("shares", None)
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
    methods: tuple[str, ...] | None = option(
        None, "The methods that are left out in turn.  [default: all]", metavar="METHOD ..."
    )

    def __post_init__(self) -> None:
        if self.train.weights is not None:
            raise DataError(
                "Leave out --weights: trained weights may know the method that is left out, and the figures would mean "
                "nothing."
            )


def check_ranges(options: object) -> None:
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
