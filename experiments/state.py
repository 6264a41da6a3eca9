"""The state of a training run: one folder, renamed into place, with model, optimizer, epoch, best value, history."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from pathlib import Path

import keras

from records.errors import DataError

MODEL, BEST, PROGRESS = "model.keras", "best.keras", "progress.json"
PREFIX = "state-"


@dataclasses.dataclass
class State:
    """How far a run is.

    Attributes:
        epoch: number of finished epochs.
        best_epoch: the epoch (from 0) with the best validation AUC, -1 before the first.
        best_value: that AUC.
        history: one dict of floats an epoch.
    """

    epoch: int = 0
    best_epoch: int = -1
    best_value: float = -math.inf
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)

    def finished_epoch(self, logs: dict[str, float], value: float) -> bool:
        """Takes in the logs of one more epoch; True when its validation AUC `value` is the best so far."""
        best = value > self.best_value
        if best:
            self.best_epoch, self.best_value = self.epoch, value
        self.history.append(logs)
        self.epoch += 1
        return best


def save(run: Path, state: State, model: keras.Model, best: bool) -> Path:
    """Writes the state after an epoch and removes the one before it.

    A kill at any moment leaves either the old folder or the new one, never half of one: everything is written into a
    temporary folder, flushed, and renamed.

    Args:
        run: the run folder.
        state: the state after the epoch.
        model: the compiled model; its optimizer's state is saved with it.
        best: whether this epoch is the best so far; if not, the best model is taken over from the state before.
    """
    before = newest(run)
    temporary = run / ".state.tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True)
    model.save(temporary / MODEL)
    os.link(temporary / MODEL if best else before / BEST, temporary / BEST)
    (temporary / PROGRESS).write_text(json.dumps(dataclasses.asdict(state), indent=2) + "\n")
    for path in temporary.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())
    final = run / f"{PREFIX}{state.epoch:04d}"
    os.rename(temporary, final)
    for old in _folders(run)[:-1]:
        shutil.rmtree(old)
    return final


def newest(run: Path) -> Path | None:
    """The folder of the newest whole state of `run`, or None before the first epoch has ended."""
    folders = _folders(run)
    return folders[-1] if folders else None


def load(folder: Path) -> State:
    """Reads the state in `folder` (without the model); raises `DataError` when it is damaged."""
    try:
        return State(**json.loads((folder / PROGRESS).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"The state in {folder} is damaged ({error}); remove that folder and train again.") from error


def _folders(run: Path) -> list[Path]:
    return sorted(path for path in run.glob(f"{PREFIX}[0-9]*") if path.is_dir())
