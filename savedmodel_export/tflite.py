"""Converts a detector to one .tflite file, in one of four forms, with its description inside."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

from records.atomic import atomic_file
from records.errors import DataError
from savedmodel_export import edge_runtime
from savedmodel_export.edge_runtime import RECONSTRUCTION, EdgeError, network_inputs
from savedmodel_export.float16 import halve_weights
from savedmodel_export.forms import QUANTIZE
from savedmodel_export.model import LABELS, check_exportable, describe
from tfafsr import SCORES, Classifier

WRITTEN = (1980, 1, 1, 0, 0, 0)  # a constant date for the ZIP's entries, so that equal models give equal files
# TensorFlow's calibration uses its own deprecated interpreter, which warns of itself.
CALIBRATION_WARNING = r"\s*Warning: tf.lite.Interpreter is deprecated"


def convert(
    detector: Classifier,
    quantize: str = "none",
    representative: Iterable[dict[str, np.ndarray]] | None = None,
    explain: bool = False,
) -> bytes:
    """The content of a .tflite file; its signature takes any number N of faces. Only builtin operations are used.

    Inputs: `frame` uint8 (N, S, S, 3) RGB and `keypoints` float32 (N, 5, 2) in [0, 1]. Error levels are differences of
    a few grey levels, which 8-bit activations cannot resolve. So the int8 form takes `frame`, `ela` uint8 (N, S, S, 3)
    and, with fusion pooling, `heatmaps` float32 (N, H, W, 5); the device computes the last two in float.
    Outputs: `probability`, `log10_likelihood_ratio`, `logit` float32 (N, 1). In every form the first two are computed
    from the logit in float32.

    Args:
        detector: the trained detector, in float32.
        quantize: `none`: float32. `float16`: half the size, computed in float32. `dynamic`: 8-bit weights, activations
            quantized at run time. `int8`: 8-bit weights (a scale for each channel) and activations, up to the
            logit.
        representative: for int8, batches of typical faces, each {"frame", "keypoints"}, on which the ranges of the
            activations are measured.
        explain: whether AFSR's `reconstruction`, float32 (N, S, S, 3) in [-1, 1], is an output, too; not for int8,
            whose activations are too coarse for it.

    Raises:
        DataError: `quantize` is unknown; `explain` with int8; a weight is NaN or infinite; int8 lacks representative
            faces, or the detector reads the error levels of its own reconstruction, which cannot be computed outside of
            the network.
    """
    if quantize not in QUANTIZE:
        raise DataError(f"quantize must be one of {', '.join(QUANTIZE)}; received {quantize!r}.")
    if explain and "reconstruction" not in detector.output:
        raise DataError(f"{type(detector).__name__} gives no reconstruction; leave --explain out.")
    if explain and quantize == "int8":
        raise DataError("int8 gives no reconstruction; use another form to explain faces.")
    check_exportable(detector)
    description = {**describe(detector), "form": quantize}
    module = tf.Module(name="tfafsr")
    network = _behind_ela(detector) if quantize == "int8" else detector.deployed()
    module.weights = [variable.value for variable in network.variables]
    outputs = (*SCORES, RECONSTRUCTION) if explain else SCORES
    concrete = _function(network, outputs).get_concrete_function()

    def converter(*optimizations: tf.lite.Optimize) -> tf.lite.TFLiteConverter:
        new = tf.lite.TFLiteConverter.from_concrete_functions([concrete], module)
        new.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]  # others are an error
        new.optimizations = list(optimizations)
        return new

    if quantize == "int8":
        faces = list(_calibration_inputs(list(network.input), description, representative or ()))
        if not faces:
            raise DataError("int8 needs representative faces, on which activations are measured, and there are none.")
        quantizing = converter(tf.lite.Optimize.DEFAULT)
        quantizing.representative_dataset = lambda: iter(faces)
        content = _quantized(quantizing, bytes(converter().convert()))
    else:
        content = bytes(converter(*[tf.lite.Optimize.DEFAULT] * (quantize == "dynamic")).convert())
    if quantize == "float16":
        content = halve_weights(content)
    return _described(content, description)


def export_tflite(
    detector: Classifier,
    out: Path,
    quantize: str = "none",
    representative: Iterable[dict[str, np.ndarray]] | None = None,
    explain: bool = False,
) -> Path:
    """Writes the result of `convert` into a file, complete or not at all; replaces only a file of this project.

    Args:
        detector, quantize, representative, explain: as in `convert`.
        out: the file.

    Returns:
        `out`.

    Raises:
        DataError: the errors of `convert`; or `out` is a folder, a file that this project did not write, or cannot be
            written.
    """
    if out.is_dir():
        raise DataError(f"{out} is a folder; give --out the name of a file, such as {out / 'detector.tflite'}.")
    if out.exists():
        try:
            read_description(out)
        except DataError as error:
            raise DataError(f"{out} exists and is no exported detector; give --out another name.") from error
    content = convert(detector, quantize, representative, explain)
    with atomic_file(out) as file:
        file.write_bytes(content)
    return out


def read_description(path: Path) -> dict[str, object]:
    """The description in the .tflite file `path` (see `edge_runtime.description`); raises `DataError`."""
    with as_data_error():
        return edge_runtime.read_description(path)


@contextlib.contextmanager
def as_data_error() -> Iterator[None]:
    """Raises an `EdgeError` of the edge runtime as a `DataError`, which all other packages raise."""
    try:
        yield
    except EdgeError as error:
        raise DataError(str(error)) from error


def _function(network: keras.Model, names: Sequence[str]) -> tf.Function:
    """The network as a function of its named inputs, any number of faces at once, to these outputs."""
    specs = [tf.TensorSpec(tensor.shape, tensor.dtype, name) for name, tensor in network.input.items()]

    def detect(*fields: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = network(dict(zip(network.input, fields, strict=True)), training=False)
        return {name: outputs[name] for name in names}

    return tf.function(detect, input_signature=specs, autograph=False)


def _quantized(converter: tf.lite.TFLiteConverter, exact: bytes) -> bytes:
    """The network in 8 bits up to the logit, and its calibration in float32.

    In 8 bits the probability would have 256 values, and the likelihood ratio would contradict it.

    Args:
        converter: of the network, with representative faces.
        exact: the network in float32, whose tensors have the same names.
    """
    details = Interpreter(model_content=exact)
    outputs = details.get_signature_runner().get_output_details()
    behind = [tensor["name"] for tensor in details.get_tensor_details() if "/calibration" in tensor["name"]]
    behind += [outputs[name]["name"] for name in SCORES if name != "logit"]
    # What TensorFlow offers to leave some operations in float is called a debugger.
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_nodes=behind)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", CALIBRATION_WARNING, UserWarning)
        debugger = tf.lite.experimental.QuantizationDebugger(converter=converter, debug_options=options)
        return bytes(debugger.get_nondebug_quantized_model())


def _behind_ela(detector: Classifier) -> keras.Model:
    """The part of the detector after error level analysis and heat maps, which become its inputs."""
    if "ela_of" not in detector.options:
        return detector.deployed()
    inner = {name: detector.input[name] for name in ("frame", "ela") if name in detector.input}
    if "ela" not in inner and detector.options["error_image"] != "none":
        raise DataError(
            "int8 does not fit a detector with ela_of=reconstruction: its error levels are computed inside the "
            "network, where 8 bits lose them; use --quantize dynamic."
        )
    if detector.options["pooling"] == "fp":
        inner["heatmaps"] = detector.get_layer("tfe_heatmaps").output
    network = keras.Model(list(inner.values()), [detector.output[name] for name in SCORES])
    inputs = {name: keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name) for name, tensor in inner.items()}
    return keras.Model(inputs, dict(zip(SCORES, network(list(inputs.values())), strict=True)))


def _calibration_inputs(
    names: list[str], description: dict[str, object], batches: Iterable[dict[str, np.ndarray]]
) -> Iterator[dict[str, np.ndarray]]:
    """The inputs of the int8 form, one face at a time."""
    for batch in batches:
        for frame, keypoints in zip(batch["frame"], batch["keypoints"], strict=True):
            yield network_inputs(names, description, frame[None], keypoints[None])


def _described(content: bytes, description: dict[str, object]) -> bytes:
    """The network with its description appended as a ZIP archive."""
    description = {**description, "sha256": hashlib.sha256(content).hexdigest()}
    file = io.BytesIO(content)
    with zipfile.ZipFile(file, "a") as archive:
        archive.writestr(
            zipfile.ZipInfo(edge_runtime.DESCRIPTION_FILE, WRITTEN), json.dumps(description, indent=2) + "\n"
        )
        archive.writestr(zipfile.ZipInfo(edge_runtime.LABELS_FILE, WRITTEN), "\n".join(LABELS) + "\n")
    return file.getvalue()
