"""A detector as one .tflite file in four forms, with its description inside, for LiteRT's builtin operations alone."""

from __future__ import annotations

import hashlib
import io
import json
import os
import warnings
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from records.errors import DataError
from savedmodel_export.float16 import halve_weights
from savedmodel_export.model import LABELS, describe
from tfafsr import Detector
from tfafsr.layers import ErrorLevelAnalysis

QUANTIZE = ("none", "float16", "dynamic", "int8")
DESCRIPTION_FILE, LABELS_FILE = "tfafsr.json", "labels.txt"
MAX_DESCRIPTION = 2**16  # bytes
WRITTEN = (1980, 1, 1, 0, 0, 0)  # the earliest date a ZIP can hold: the time of the export is no part of the model
# What calibration says, though the interpreter that it warns of is TensorFlow's own choice.
CALIBRATION_WARNING = r"\s*Warning: tf.lite.Interpreter is deprecated"


def convert(
    detector: Detector, quantize: str = "none", representative: Iterable[dict[str, np.ndarray]] | None = None
) -> bytes:
    """The content of a .tflite file; its signature takes any number N of faces.

    Inputs: `frame` uint8 (N, S, S, 3) RGB and `keypoints` float32 (N, 5, 2) in [0, 1]. The error level analysis is a
    signal of few grey levels, which 8-bit activations would drown, so that the int8 form takes what a device computes
    in float: `frame`, `ela` uint8 (N, S, S, 3) and, with fusion pooling, `heatmaps` float32 (N, H, W, 5).
    Outputs: `probability`, `logit` float32 (N, 1).

    Args:
        detector: the trained detector, in float32.
        quantize: `none`: float32. `float16`: half the size, computed in float32. `dynamic`: 8-bit weights, activations
            quantized as they come. `int8`: 8-bit weights (a scale for each channel) and activations.
        representative: for int8, batches of faces like those that will be met, each {"frame", "keypoints"}: the ranges
            of the activations are measured on them.

    Raises:
        DataError: `quantize` is unknown; int8 lacks representative faces, or the detector reads the error levels of
            its own reconstruction, which can be computed nowhere else.
    """
    if quantize not in QUANTIZE:
        raise DataError(f"quantize must be one of {', '.join(QUANTIZE)}; received {quantize!r}.")
    module = tf.Module(name="tfafsr")
    network = _behind_ela(detector) if quantize == "int8" else detector.deployed()
    module.weights = [variable.value for variable in network.variables]
    concrete = _function(network).get_concrete_function()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]  # anything else would need Flex, and fails
    if quantize in ("dynamic", "int8"):
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantize == "int8":
        faces = list(_fields(detector, representative or ()))
        if not faces:
            raise DataError("int8 needs representative faces to measure activations on, and there are none.")
        converter.representative_dataset = lambda: iter(faces)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", CALIBRATION_WARNING, UserWarning)
        content = bytes(converter.convert())
    if quantize == "float16":
        content = halve_weights(content)
    return _described(content, {**describe(detector), "form": quantize})


def export_tflite(
    detector: Detector,
    out: Path,
    quantize: str = "none",
    representative: Iterable[dict[str, np.ndarray]] | None = None,
) -> Path:
    """Writes `convert`'s file, which appears whole or not at all; an earlier one of this project is replaced.

    Args:
        detector, quantize, representative: as in `convert`.
        out: the file.

    Returns:
        `out`.

    Raises:
        DataError: as `convert`; or `out` is a folder, or a file that this project did not write.
    """
    if out.is_dir():
        raise DataError(f"{out} is a folder; give --out the name of a file, such as {out / 'detector.tflite'}.")
    if out.exists():
        try:
            read_description(out)
        except DataError as error:
            raise DataError(f"{out} exists and is no exported detector; give --out another name.") from error
    content = convert(detector, quantize, representative)
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, out)
    finally:
        temporary.unlink(missing_ok=True)
    return out


def read_description(path: Path) -> dict[str, object]:
    """What `model.describe` said of the detector in a .tflite file, and `form`, which of `QUANTIZE` it is.

    The description is a ZIP archive behind the network, where TensorFlow Lite's metadata keep their files: `unzip`
    and Python's zipfile read it, interpreters do not mind it.

    Raises:
        DataError: there is no such file, it is another project's, or it was damaged or cut off.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist; `tfafsr export --format tflite` writes such files.")
    other = f"{path} is no detector that `tfafsr export --format tflite` wrote, or it was cut off"
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(DESCRIPTION_FILE)
            if entry.file_size > MAX_DESCRIPTION:
                raise DataError(f"{other}: {DESCRIPTION_FILE} inside has {entry.file_size} bytes.")
            description = json.loads(archive.read(entry))
            start = min(one.header_offset for one in archive.infolist())
    except DataError:
        raise
    except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError) as error:
        raise DataError(f"{other} ({error}).") from error
    if not isinstance(description, dict) or description.get("model") != "tfafsr":
        raise DataError(f"{other}: {DESCRIPTION_FILE} inside does not describe a detector.")
    with path.open("rb") as file:
        found = hashlib.sha256(file.read(start)).hexdigest()
    if found != description.get("sha256"):
        raise DataError(f"{path} is damaged: the network inside is not the one that was exported; export it again.")
    return description


def _function(network: keras.Model) -> tf.Function:
    """The network as a function of its named inputs, any number of faces at once."""
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in network.input.items()]

    def detect(*fields: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = network(dict(zip(network.input, fields, strict=True)), training=False)
        return {name: outputs[name] for name in ("probability", "logit")}

    return tf.function(detect, input_signature=specs, autograph=False)


def _behind_ela(detector: Detector) -> keras.Model:
    """The detector behind error levels and heat maps, which become its inputs."""
    if detector.options["ela_of"] != "input":
        raise DataError(
            "int8 does not fit a detector with ela_of=reconstruction: its error levels arise inside the network, where "
            "8 bits lose them; use --quantize dynamic."
        )
    inner = [detector.input["frame"], detector.input["ela"]]
    if detector.options["pooling"] == "fp":
        inner.append(detector.get_layer("tfe_heatmaps").output)
    network = keras.Model(inner, [detector.output["probability"], detector.output["logit"]])
    names = ("frame", "ela", "heatmaps")[: len(inner)]
    inputs = {
        name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        for name, tensor in zip(names, inner, strict=True)
    }
    probability, logit = network(list(inputs.values()))
    return keras.Model(inputs, {"probability": probability, "logit": logit})


def _fields(detector: Detector, batches: Iterable[dict[str, np.ndarray]]) -> Iterator[dict[str, np.ndarray]]:
    """The inputs of `_behind_ela` for one face after the other."""
    ela = ErrorLevelAnalysis(detector.options["ela_quality"])
    for batch in batches:
        for frame, keypoints in zip(batch["frame"], batch["keypoints"], strict=True):
            one = {"frame": frame[None], "ela": np.round(ela(frame[None]).numpy()).astype(np.uint8)}
            if detector.options["pooling"] == "fp":
                one["heatmaps"] = detector.get_layer("tfe_heatmaps")(keypoints[None]).numpy()
            yield one


def _described(content: bytes, description: dict[str, object]) -> bytes:
    """The network with its description behind it, as a ZIP archive."""
    description = {**description, "sha256": hashlib.sha256(content).hexdigest()}
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(zipfile.ZipInfo(DESCRIPTION_FILE, WRITTEN), json.dumps(description, indent=2) + "\n")
        archive.writestr(zipfile.ZipInfo(LABELS_FILE, WRITTEN), "\n".join(LABELS) + "\n")
    return file.getvalue()
