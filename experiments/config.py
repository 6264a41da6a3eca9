"""What a training run is: one typed, frozen declaration that reaches the command line, the run folder and the log."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from records.errors import DataError

CONFIG_FILE = "config.json"


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


@dataclasses.dataclass(frozen=True)
class TrainConfig:
    """Everything that decides the result of a training run, next to the records themselves.

    Attributes:
        records: folders written by `tfafsr build`.
        compression: of the training and the validation faces: raw, c23 or c40.
        preset: paper, small or tiny; gives size, width and AFSR's form, and the schedule where it is not given.
        detector: arguments of `tfafsr.Detector` that differ from the preset's.
        epochs, batch_size, learning_rate, drop_every: as in `Schedule`; None takes the preset's.
        seed: of the initial weights, of the order of the examples and of the augmentation.
        dtype: `float32` or `mixed_bfloat16`.
        balanced: as many real as manipulated faces in every batch.
        augment: random horizontal flips.
    """

    records: tuple[str, ...]
    compression: str
    preset: str = "paper"
    detector: dict = dataclasses.field(default_factory=dict)
    epochs: int | None = None
    batch_size: int | None = None
    learning_rate: float | None = None
    drop_every: int | None = None
    seed: int = 0
    dtype: str = "float32"
    balanced: bool = True
    augment: bool = True

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

    def save(self, run: Path) -> None:
        """Writes `config.json` into the run folder."""
        (run / CONFIG_FILE).write_text(json.dumps(dataclasses.asdict(self), indent=2, sort_keys=True) + "\n")

    @classmethod
    def load(cls, run: Path) -> TrainConfig:
        """Reads the configuration of a run folder; raises `DataError` where there is none or it is damaged."""
        path = run / CONFIG_FILE
        try:
            values = json.loads(path.read_text())
            return cls(**{**values, "records": tuple(values["records"])})
        except FileNotFoundError:
            raise DataError(
                f"{run} is no run folder (it has no {CONFIG_FILE}); give the --out of `tfafsr train`."
            ) from None
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(f"{path} is damaged ({error}); train again into a new folder.") from error

    def differences(self, other: TrainConfig) -> list[str]:
        """Names what makes two runs incomparable; more epochs do not, they prolong a run."""
        mine, theirs = dataclasses.asdict(self), dataclasses.asdict(other)
        return sorted(name for name in mine if name != "epochs" and mine[name] != theirs[name])
