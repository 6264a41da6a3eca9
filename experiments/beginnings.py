"""The model with which a training run begins: random weights, those of a file, or those of another run."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import keras
import numpy as np

from experiments import runs
from experiments.config import TFAFSR, TrainConfig
from records.errors import DataError
from tfafsr import Classifier, Detector, WeightsError, initialisation
from tfafsr.calibration import Platt
from tfafsr.presets import preset
from tfafsr.weights import ARCHITECTURE

IMAGENET = "imagenet"
MOST_CHARACTERS = 300  # of another library's message


def with_own_rate(config: TrainConfig) -> TrainConfig:
    """The same options with the learning rate that is recommended for the method, unless one was given."""
    own = runs.method_class(config.method).learning_rate
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
    if config.init:
        _initialise(model, config.init)
    model.compile(optimizer=keras.optimizers.Adam(config.schedule.learning_rate))
    return model


def run_before(config: TrainConfig) -> Path | None:
    """The run folder whose weights are those to begin with; None if there is none."""
    path = Path(config.weights) if config.weights else None
    return path if path and path.is_dir() else None


def known_before(config: TrainConfig, run: Path) -> tuple[runs.People, list[str] | None]:
    """The people and the methods that the weights to begin with have seen, as far as that is known.

    Args:
        config: the options.
        run: the run folder. If it was begun, it says what its beginning had seen, wherever that run is now.

    Returns:
        The people of `train` and `val`, and the methods, None if a run of an earlier version does not say them.

    Raises:
        DataError: a folder is damaged or unfinished.
    """
    begun = config.weights and (run / runs.CONFIG_FILE).exists() and (run / runs.PEOPLE_FILE).exists()
    known = run if begun else run_before(config)
    return known_to(known) if known else ({}, [])


def known_to(run: Path) -> tuple[runs.People, list[str] | None]:
    """The people of `train` and `val` of a run, and its methods; of weights without a run folder nothing is known.

    Raises:
        DataError: the folder is damaged or unfinished.
    """
    if not run.is_dir():
        return {}, None
    return runs.load_people(run), runs.methods_of(run)


def check_fakes(config: TrainConfig) -> None:
    """Raises `DataError` for options that do not fit a method that makes its fakes of real faces, or reads bursts."""
    if config.self_blend and runs.method_class(config.method).BURST > 1:
        raise DataError(f"{config.method} reads neighbouring frames; leave --self-blend out.")
    if makes_its_fakes(config) and (config.self_blend or not config.balanced):
        wrong = "--self-blend" if config.self_blend else "--unbalanced"
        raise DataError(f"{config.method} makes each fake of the real face before it; leave {wrong} out.")


def makes_its_fakes(config: TrainConfig) -> bool:
    """Whether the method is trained on fakes that it makes itself, so that it has seen none of the records' methods."""
    return runs.method_class(config.method).NEGATIVES is not None


def _untrained(config: TrainConfig, weights: str | None) -> Classifier:
    options = preset(config.preset, **config.detector.given())
    if config.method != TFAFSR:
        if weights:
            raise DataError(f"--weights: {weights} is no run folder, and {config.method} begins with nothing else.")
        try:
            kind = runs.method_class(config.method)
            return kind(size=options["size"], input_size=config.input_size, dtype=config.dtype)
        except ValueError as error:
            raise DataError(f"--method {config.method}: {error}") from error
    try:
        return Detector.from_preset(config.preset, weights=weights, dtype=config.dtype, **config.detector.given())
    except WeightsError as error:
        raise DataError(f"--weights: {error}") from error


def _begin_with(model: Classifier, run: Path) -> None:
    """Gives the model the weights of a run, which may have another size of faces; it is not calibrated any more."""
    earlier = runs.load_detector(run)
    kinds = [type(one).__name__ for one in (model, earlier)]
    if kinds[0] != kinds[1]:
        raise DataError(f"--weights: {run} holds a {kinds[1]}, not a {kinds[0]}; give its --method.")
    for name in ARCHITECTURE:
        mine, theirs = (one.options.get(name) for one in (model, earlier))
        if name != "size" and mine != theirs:
            raise DataError(f"--weights: {run} has {name}={theirs!r}, not {mine!r}; give the options of that run.")
    shapes = [[tuple(variable.shape) for variable in one.variables] for one in (model, earlier)]
    if shapes[0] != shapes[1]:
        raise DataError(f"--weights: the model of {run} has other layers; give the options and the sizes of that run.")
    model.set_weights(earlier.get_weights())
    model.calibration = Platt()


def _initialise(model: Classifier, source: str) -> None:
    """Gives the model's backbone the weights of one that was trained on other pictures.

    Args:
        model: a detector, whose backbone is keras-hub's ResNet-18; or a baseline with one of `keras.applications`.
        source: `imagenet`, or a file of the backbone's weights.
    """
    if source != IMAGENET and not Path(source).is_file():
        raise DataError(f"--init: {source} does not exist; give `{IMAGENET}`, or a file of weights.")
    try:
        if isinstance(model, Detector):
            initialisation.begin_with_resnet18(model, _resnet18(source))
        else:
            _begin_with_application(model, source)
    except DataError:
        raise
    except Exception as error:  # of Keras, h5py and the download: each has its own
        raise DataError(f"--init {source}: {' '.join(str(error).split())[:MOST_CHARACTERS]}") from error


def _resnet18(source: str) -> keras.Model:
    """keras-hub's ResNet-18 with weights."""
    try:
        from keras_hub.models import ResNetBackbone
    except ImportError as error:
        raise DataError(f'--init needs keras-hub ({error}): pip install "tfafsr[init]".') from error
    if source == IMAGENET:
        return ResNetBackbone.from_preset("resnet_18_imagenet")
    backbone = ResNetBackbone([64], [7], [64, 128, 256, 512], [2, 2, 2, 2], [1, 2, 2, 2], "basic_block")
    backbone.load_weights(source)
    return backbone


def _begin_with_application(model: Classifier, source: str) -> None:
    if model.BACKBONE is None:
        raise DataError(f"--init: {type(model).__name__} has no network that was trained on other pictures.")
    (mine,) = [layer for layer in model.layers if isinstance(layer, keras.Model)]
    if source == IMAGENET:
        build = getattr(keras.applications, model.BACKBONE)
        theirs = build(weights=IMAGENET, include_top=False, pooling="avg", input_shape=mine.input_shape[1:])
        mine.set_weights(theirs.get_weights())
    else:
        mine.load_weights(source)
    for layer in mine.layers:
        if isinstance(layer, keras.layers.Normalization):  # EfficientNet's
            _normalize_as_trained(layer)


def _normalize_as_trained(layer: keras.layers.Normalization) -> None:
    """Lets the weights of a `Normalization` take effect, which Keras does not do when they are set.

    Keras's files of EfficientNet hold standard deviations in the place of variances, and `weights="imagenet"` adds a
    layer that makes up for it, which a network that began with random weights lacks.
    """
    if np.allclose(layer.adapt_variance, initialisation.SPREAD):
        layer.adapt_variance.assign(np.square(initialisation.SPREAD))
    layer.finalize_state()
