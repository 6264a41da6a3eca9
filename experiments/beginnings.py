"""The model with which a training run begins: random weights, those of a file, or those of another run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras

from experiments import runs
from experiments.config import TFAFSR, TrainConfig
from records.errors import DataError
from tfafsr import Classifier, Detector, WeightsError
from tfafsr.baselines import baseline
from tfafsr.presets import preset


def with_own_rate(config: TrainConfig) -> TrainConfig:
    """The same options with the learning rate that is recommended for the method, unless one was given."""
    own = None if config.method == TFAFSR else baseline(config.method).learning_rate
    return dataclasses.replace(config, learning_rate=own) if config.learning_rate is None and own else config


def new_model(config: TrainConfig) -> Classifier:
    """The compiled model of a run's first epoch.

    Raises:
        DataError: the weights to begin with are unknown, damaged, or do not fit the options.
    """
    before = run_before(config)
    model = _untrained(config, None if before else config.weights)
    if before:
        _begin_with(model, before)
    model.compile(optimizer=keras.optimizers.Adam(config.schedule.learning_rate))
    return model


def run_before(config: TrainConfig) -> Path | None:
    """The run folder whose weights are those to begin with; None if there is none."""
    path = Path(config.weights) if config.weights else None
    return path if path and path.is_dir() else None


def known_before(config: TrainConfig) -> tuple[runs.People, list[str]]:
    """The people and the methods that the run before was trained on; nothing without one.

    Raises:
        DataError: its folder is damaged or unfinished.
    """
    if not (before := run_before(config)):
        return {}, []
    return runs.load_people(before), runs.methods_of(before)


def _untrained(config: TrainConfig, weights: str | None) -> Classifier:
    options = preset(config.preset, **config.detector.given())
    if config.method != TFAFSR:
        if weights:
            raise DataError(f"--weights: {weights} is no run folder, and {config.method} has no other trained weights.")
        return baseline(config.method)(size=options["size"], input_size=config.input_size, dtype=config.dtype)
    try:
        return Detector.from_preset(config.preset, weights=weights, dtype=config.dtype, **config.detector.given())
    except WeightsError as error:
        raise DataError(f"--weights: {error}") from error


def _begin_with(model: Classifier, run: Path) -> None:
    """Gives the model the weights and the calibration of a run; only the sides of their faces may differ."""
    earlier = runs.load_detector(run)
    shapes = [[tuple(variable.shape) for variable in one.variables] for one in (model, earlier)]
    if type(model) is not type(earlier) or shapes[0] != shapes[1]:
        raise DataError(
            f"--weights: the model of {run} has other layers. Give the options of that run ({runs.CONFIG_FILE} tells "
            "them); the size of the faces may differ."
        )
    model.set_weights(earlier.get_weights())
