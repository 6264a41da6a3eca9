"""The options of a training run: frozen dataclasses from which the command line, config.json and messages are made."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing
from collections.abc import Iterator, Mapping
from typing import Literal

from records.errors import DataError


@dataclasses.dataclass(frozen=True)
class Schedule:
    """How long and how fast a preset trains.

    Attributes:
        epochs: passes over the (class-balanced) training split.
        batch_size: faces a step.
        learning_rate: Adam's, in the first epochs.
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


def _option(
    default: object, text: str, low: float | None = None, high: float | None = None, above: bool = False, **more: str
):
    """A field with its help and, where it is a number, its range; `above` leaves `low` itself out."""
    metadata: dict[str, object] = {"help": text, **more}
    if low is not None:
        metadata |= {"range": (low, high), "min_open": above}
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass(frozen=True)
class DetectorOptions:
    """Arguments of `tfafsr.Detector` that differ from the preset's; None takes the preset's or Detector's own default.

    Raises:
        DataError: a value of another type, or outside of its choices or range.
    """

    size: int | None = _option(None, "Side of the faces in pixels.  [default: the preset's]", 64, 1024)
    width: int | None = _option(None, "Filters of ResNet-18's first stage.  [default: the preset's]", 4, 256)
    output: Literal["plain", "residual", "none"] | None = _option(
        None, "AFSR's output; `none` is TFE alone.  [default: the preset's]"
    )
    pooling: Literal["fp", "gap", "gmp"] | None = _option(None, "Fusion, average or maximum pooling.")
    fusion: Literal["early", "late"] | None = _option(None, "Where TFE's two streams meet.")
    ela_of: Literal["input", "reconstruction"] | None = _option(None, "Which image the error level analysis reads.")
    mining: Literal["semi_hard", "hard"] | None = _option(None, "Which triplets count.")
    afsr_weight: float | None = _option(None, "Weight of L_AFSR against L_TFE.", 0)

    def __post_init__(self) -> None:
        _check(self)

    def given(self) -> dict[str, object]:
        """The arguments that are not None."""
        return {name: value for name, value in dataclasses.asdict(self).items() if value is not None}


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the result of a training run, next to the content of the records.

    Attributes:
        records: folders written by `tfafsr build`.
        detector: arguments of `tfafsr.Detector` that differ from the preset's.
        epochs, batch_size, learning_rate, drop_every: as in `Schedule`; None takes the preset's.

    Raises:
        DataError: a value of another type, or outside of its choices or range.
    """

    records: tuple[str, ...] = dataclasses.field(
        metadata={"help": "Records of `tfafsr build`.", "metavar": "FOLDER ..."}
    )
    compression: str = dataclasses.field(metadata={"help": "Train and validate on the faces at raw, c23 or c40."})
    preset: Literal["paper", "small", "tiny"] = _option("paper", "Size, width, AFSR's output and the schedule.")
    detector: DetectorOptions = dataclasses.field(default_factory=DetectorOptions)
    epochs: int | None = _option(None, "Passes over the training split.  [default: the preset's]", 1)
    batch_size: int | None = _option(None, "Faces a step.  [default: the preset's]", 2)
    learning_rate: float | None = _option(None, "Adam's, in the first epochs.  [default: the preset's]", 0, above=True)
    drop_every: int | None = _option(
        None, "Epochs after which the learning rate falls to a tenth.  [default: the preset's]", 1
    )
    seed: int = _option(0, "Of the first weights, of the order of the faces and of the flips.", 0)
    dtype: Literal["float32", "mixed_bfloat16"] = _option("float32", "Layers compute in it.")
    balanced: bool = _option(True, "As many real as manipulated faces in a batch.", flag="--balanced/--unbalanced")
    augment: bool = _option(True, "Random horizontal flips.")

    def __post_init__(self) -> None:
        _check(self)

    @property
    def schedule(self) -> Schedule:
        """The preset's schedule with what was given in its place."""
        given = {field.name: getattr(self, field.name) for field in dataclasses.fields(Schedule)}
        return dataclasses.replace(
            SCHEDULES[self.preset], **{name: value for name, value in given.items() if value is not None}
        )

    def learning_rate_at(self, epoch: int) -> float:
        """Adam's learning rate in `epoch` (from 0): divided by 10 every `drop_every` epochs."""
        return self.schedule.learning_rate * 0.1 ** (epoch // self.schedule.drop_every)

    def differences(self, other: TrainConfig) -> list[str]:
        """`option: value here, value there` for each that makes two runs incomparable.

        More epochs prolong a run, and records may lie elsewhere: their content is compared by its hash.
        """
        mine, theirs = dict(_flat(self)), dict(_flat(other))
        return [
            f"{name}: {_short(mine[name])}, there {_short(theirs[name])}"
            for name in sorted(mine)
            if name not in ("epochs", "records") and mine[name] != theirs[name]
        ]


def from_json(values: object) -> TrainConfig:
    """The configuration that `dataclasses.asdict` made JSON of.

    Raises:
        DataError: a field is missing, unknown or of another type; the message names it.
    """
    if not isinstance(values, Mapping):
        raise DataError(f"a configuration is an object; received {_short(values)}")
    _check_names(TrainConfig, values)
    detector = values.get("detector", {})
    if not isinstance(detector, Mapping):
        raise DataError(f"detector must be an object; received {_short(detector)}")
    _check_names(DetectorOptions, detector)
    records = values["records"]
    fields = {**values, "detector": DetectorOptions(**detector)}
    return TrainConfig(**{**fields, "records": tuple(records) if isinstance(records, list) else records})


def _check_names(cls: type, values: Mapping) -> None:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    if unknown := sorted(set(values) - set(fields)):
        raise DataError(f"{_short(unknown[0])} is no option")
    for name, field in fields.items():
        if name not in values and field.default is field.default_factory is dataclasses.MISSING:
            raise DataError(f"{name} is missing")


@functools.cache
def _types_of(cls: type) -> dict[str, object]:
    return typing.get_type_hints(cls)


def _check(options: object) -> None:
    """Raises `DataError` unless every field is of its type, among its choices and in its range."""
    for field in dataclasses.fields(options):
        value, kind = getattr(options, field.name), _types_of(type(options))[field.name]
        if not _fits(value, kind):
            raise DataError(f"{field.name} must be {_words(kind)}; received {_short(value)}")
        if value is not None and "range" in field.metadata:
            low, high = field.metadata["range"]
            too_low = value <= low if field.metadata["min_open"] else value < low
            if too_low or value > (math.inf if high is None else high) or not math.isfinite(value):
                beginning = "above" if field.metadata["min_open"] else "at least"
                end = "" if high is None else f" and at most {high}"
                raise DataError(f"{field.name} must be {beginning} {low}{end}; received {_short(value)}")


def _fits(value: object, kind: object) -> bool:
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return any(_fits(value, one) for one in typing.get_args(kind))
    if typing.get_origin(kind) is Literal:
        return isinstance(value, str) and value in typing.get_args(kind)
    if typing.get_origin(kind) is tuple:
        return isinstance(value, tuple) and bool(value) and all(isinstance(one, str) for one in value)
    if kind is float:
        return type(value) in (int, float)
    return type(value) is kind


def _words(kind: object) -> str:
    """A type in words, for messages."""
    if isinstance(kind, types.UnionType) or typing.get_origin(kind) is typing.Union:
        return " or ".join(_words(one) for one in typing.get_args(kind) if one is not types.NoneType)
    if typing.get_origin(kind) is Literal:
        return "one of " + ", ".join(typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return "a list of one or more texts"
    names = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    return names.get(kind, getattr(kind, "__name__", str(kind)))


def _flat(config: TrainConfig) -> Iterator[tuple[str, object]]:
    """Each option with its value, the detector's among them."""
    for name, value in dataclasses.asdict(config).items():
        if name == "detector":
            yield from value.items()
        else:
            yield name, value


def _short(value: object) -> str:
    """A value for a message, in at most 60 characters."""
    text = "the preset's" if value is None else repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
