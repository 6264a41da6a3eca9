"""Saves and loads the state of a training run after each epoch: model, optimizer, epoch, best value, history."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import shutil
from pathlib import Path

import keras

from records.atomic import MARK, atomic_folder, write_json
from records.errors import DataError
from records.shards import from_json

MODEL, BEST, PROGRESS = "model.keras", "best.keras", "progress.json"
PREFIX = "state-"


@dataclasses.dataclass
class State:
    """The progress of a run.

    Attributes:
        epoch: number of finished epochs.
        best_epoch: the epoch (from 0) with the best validation AUC, -1 before the first.
        best_value: that AUC.
        history: one dict of floats for each epoch.
        random_states: the states of the model's random generators (dropout), which Keras does not save.
    """

    epoch: int = 0
    best_epoch: int = -1
    best_value: float = -math.inf
    history: list[dict[str, float]] = dataclasses.field(default_factory=list)
    random_states: list[list[int]] = dataclasses.field(default_factory=list)

    def finished_epoch(self, logs: dict[str, float], value: float) -> bool:
        """Adds the logs of an epoch; returns True if its validation AUC `value` is the best so far."""
        best = value > self.best_value
        if best:
            self.best_epoch, self.best_value = self.epoch, value
        self.history.append(logs)
        self.epoch += 1
        return best


def save(run: Path, state: State, model: keras.Model, best: bool) -> Path:
    """Writes the state after an epoch and removes the previous one.

    If the process is killed or the disk is full, either the old or the new state remains complete. The caller must hold
    the run's lock.

    Args:
        run: the run folder.
        state: the state after the epoch.
        model: the compiled model; its optimizer's state is saved with it.
        best: whether this epoch is the best so far; if not, the best model is copied from the previous state.

    Raises:
        DataError: the state cannot be written; the previous one is kept.
    """
    state.random_states = [keras.ops.convert_to_numpy(one).tolist() for one in _generators(model)]
    for abandoned in run.glob(f".{PREFIX}*{MARK}*"):
        shutil.rmtree(abandoned, ignore_errors=True)
    before = newest(run)
    final = run / f"{PREFIX}{state.epoch:04d}"
    with atomic_folder(final) as temporary:
        model.save(temporary / MODEL)
        os.link(temporary / MODEL if best else before / BEST, temporary / BEST)
        write_json(temporary / PROGRESS, dataclasses.asdict(state))
    for old in _folders(run)[:-1]:
        shutil.rmtree(old)
    return final


def restore_generators(state: State, model: keras.Model) -> None:
    """Sets the states of the model's random generators, so that a resumed run draws what an undisturbed one draws."""
    for variable, value in zip(_generators(model), state.random_states, strict=False):  # earlier versions kept none
        variable.assign(value)


def _generators(model: keras.Model) -> list[keras.Variable]:
    return [variable for variable in model.non_trainable_variables if variable.path.endswith("seed_generator_state")]


def newest(run: Path) -> Path | None:
    """The folder of the newest complete state of `run`, or None before the end of the first epoch."""
    folders = _folders(run)
    return folders[-1] if folders else None


def load(folder: Path) -> State:
    """Reads the state in `folder`, without the models.

    Raises:
        DataError: a file is missing, or progress.json is damaged.
    """
    path = folder / PROGRESS
    try:
        state = from_json(State, json.loads(path.read_text(encoding="utf-8")))
        if state.epoch < 1 or len(state.history) != state.epoch:
            raise ValueError(f"{state.epoch} epochs are done and {len(state.history)} are in the history")
        if not 0 <= state.best_epoch < state.epoch:
            raise ValueError(f"the best epoch is {state.best_epoch} of {state.epoch}")
        if any(logs.keys() != state.history[0].keys() for logs in state.history):
            raise ValueError("the epochs of the history have different values")
        if missing := [name for name in (MODEL, BEST) if not (folder / name).is_file()]:
            raise ValueError(f"{missing[0]} is missing")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"The state in {folder} is damaged ({error}); remove that folder and train again.") from error
    return state


def _folders(run: Path) -> list[Path]:
    return sorted(path for path in run.glob(f"{PREFIX}[0-9]*") if path.is_dir())
