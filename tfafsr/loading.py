"""Loads a saved detector or baseline; for a file that holds none an error of one sentence says what is wrong."""

from __future__ import annotations

import json
import warnings
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from tfafsr.baselines import NAMES, baseline
from tfafsr.classifier import Classifier
from tfafsr.detector import Detector
from tfafsr.layers import EARLIER

MAX_CONFIG_BYTES = 2**20
# Larger models are refused before their weights take all memory.
LARGEST = {"size": 1024, "input_size": 1024, "width": 256}


class ModelError(ValueError):
    """A file that holds no usable detector. The message names the file and says what to do."""

    for_user = True


def load_detector(path: str | Path, for_training: bool = False) -> Classifier:
    """The detector, or the baseline, saved in a `.keras` file.

    Args:
        path: a file that `tfafsr train` or `Detector.save` wrote.
        for_training: load the detector as it was saved: with the state of its optimizer and in the dtype of training.
            Otherwise it is not compiled and its layers compute in float32, as every exported form does.

    Raises:
        ModelError: the file is missing, damaged or no detector, an earlier version wrote it, or one of its weights is
            NaN or infinite.
    """
    path = Path(path)
    options = _read_options(path)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Keras warns of what is missing; that is an error below
            detector = keras.models.load_model(path, compile=for_training)
    except Exception as error:  # Keras, HDF5 and zipfile raise errors of many types, with advice that does not fit
        if EARLIER in str(error):
            raise ModelError(f"{path} {EARLIER}") from error
        raise ModelError(
            f"{path} is damaged: its weights and its options do not make a detector. Copy it again, or train again."
        ) from error
    _check_values(path, detector)
    if for_training or options.get("dtype") == "float32":
        return detector
    exact = type(detector)(**{**detector.options, "dtype": "float32", "name": detector.name})
    exact.set_weights(detector.get_weights())
    return exact


def _read_options(path: Path) -> dict:
    """The arguments of the saved detector; raises `ModelError` for anything but a detector."""
    if not path.exists():
        raise ModelError(f"{path} does not exist; give the model.keras of a finished `tfafsr train`.")
    if not path.is_file() or path.suffix != ".keras":
        raise ModelError(f"{path} is no .keras file; give the model.keras of a finished `tfafsr train`.")
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo("config.json").file_size > MAX_CONFIG_BYTES:
                raise ValueError("its configuration is too long")
            description = json.loads(archive.read("config.json"))
            saved_class = description["registered_name"] or description["class_name"]
            options = description["config"]
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}); get access to it, or copy it again.") from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        ValueError,
        KeyError,
        TypeError,
        RuntimeError,  # zipfile: encrypted, or compressed in a way that it does not know
    ) as error:
        raise ModelError(
            f"{path} is damaged or was not written by Keras: it is cut off, or no archive with a configuration. "
            "Copy it again, or train again."
        ) from error
    named = {f"tfafsr>{method.__name__}" for method in (Detector, *map(baseline, NAMES))}
    if saved_class not in named:
        raise ModelError(
            f"{path} holds a model of another kind ({str(saved_class)[:60]}), not a Detector; give the model.keras of "
            "`tfafsr train`."
        )
    if not isinstance(options, dict):
        raise ModelError(f"{path} is damaged: it holds no options of a detector. Copy it again, or train again.")
    needed = ("size", "width") if saved_class == "tfafsr>Detector" else ("size", "input_size")
    for name in needed:
        value, largest = options.get(name), LARGEST[name]
        if type(value) is not int or not 1 <= value <= largest:
            raise ModelError(f"{path} holds a detector with {name} {str(value)[:20]}; it must be in [1, {largest}].")
    return options


def _check_values(path: Path, detector: Classifier) -> None:
    """Raises `ModelError` where a weight, or a variable of the optimizer, is NaN or infinite."""
    variables = [*detector.variables, *(detector.optimizer.variables if detector.compiled else ())]
    for variable in variables:
        values = keras.ops.convert_to_numpy(variable)
        if np.issubdtype(values.dtype, np.floating) and not np.isfinite(values).all():
            raise ModelError(
                f"{path} holds weights that are NaN or infinite ({variable.path}): the training that wrote it had "
                "diverged. Train again with a lower --learning-rate."
            )
    if not detector.calibration.scale > 0:
        raise ModelError(
            f"{path} is calibrated with the scale {detector.calibration.scale}, which must be above 0; train again."
        )
