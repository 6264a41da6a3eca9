"""Writes the edge bundle: a folder for a device with the detector, MTCNN and a runtime that needs no TensorFlow."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import keras
import numpy as np
import tensorflow as tf

import faces
from records.atomic import atomic_folder
from records.errors import DataError
from savedmodel_export import edge_runtime
from savedmodel_export.edge_runtime import DETECTOR_FILE
from savedmodel_export.tflite import convert
from tfafsr import Classifier

NETWORKS = {  # name -> its input, the input's shape, its outputs
    "pnet": ("image", (None, None, None, 3), ("box", "confidence")),
    "rnet": ("patches", (None, 24, 24, 3), ("box", "confidence")),
    "onet": ("patches", (None, 48, 48, 3), ("box", "points", "confidence")),
}
REQUIREMENTS = """\
ai-edge-litert>=2.1,<3
numpy>=2.1,<3
opencv-python-headless>=4.12,<6
"""
README = """\
# A detector of manipulated faces for devices

It needs ai-edge-litert, numpy and opencv-python-headless, and no TensorFlow.
```
pip install -r requirements.txt
python -m edge_runtime clip.mp4            # in this folder; images work as well
python -m edge_runtime clip.mp4 --json     # every frame: probability, likelihood ratio, box, key points
```
The probability assumes even odds. The likelihood ratio assumes nothing: add its log10 to the log10 of your own odds.
`detector.tflite` describes itself (`unzip -p detector.tflite tfafsr.json`): size of the faces, order of the key points,
labels, calibration. `pnet.tflite`, `rnet.tflite` and `onet.tflite` are MTCNN, with the weights of the `mtcnn` package
(MIT licence). The exit status is 1 if a file could not be used; a frame without a face is listed and never scored.
"""


def export_edge(
    detector: Classifier,
    out: Path,
    mtcnn: dict[str, keras.Model],
    quantize: str = "none",
    representative: Iterable[dict[str, np.ndarray]] | None = None,
) -> Path:
    """Writes the bundle, complete or not at all.

    Args:
        detector: the trained detector, in float32.
        out: the folder; it must not exist, or be empty.
        mtcnn: `pnet`, `rnet` and `onet` as Keras models.
        quantize, representative: as in `tflite.convert`.

    Returns:
        `out`.

    Raises:
        DataError: `out` is not empty or cannot be written; and the errors of `tflite.convert`.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out} exists and is not empty; give --out a new folder.")
    files = {DETECTOR_FILE: convert(detector, quantize, representative), **converted_mtcnn(mtcnn)}
    with atomic_folder(out) as folder:
        for name, content in files.items():
            (folder / name).write_bytes(content)
        (folder / "requirements.txt").write_text(REQUIREMENTS)
        (folder / "README.md").write_text(README)
        for package in (faces, edge_runtime):
            source = Path(package.__file__).parent
            shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    return out


def converted_mtcnn(networks: dict[str, keras.Model]) -> dict[str, bytes]:
    """File name -> MTCNN's three networks as float32 .tflite.

    pnet: `image` (N, H, W, 3) -> `box` (N, h, w, 4), `confidence` (N, h, w, 2). rnet, onet: `patches` (N, 24, 24, 3)
    and (N, 48, 48, 3) -> `box` (N, 4), `confidence` (N, 2), onet `points` (N, 10), five x and five y. Float32, pixels
    as (value - 127.5) / 128.
    """
    files = {}
    for name, (given, shape, names) in NETWORKS.items():
        module = tf.Module(name=name)
        module.weights = [variable.value for variable in networks[name].variables]
        function = _named(networks[name], given, shape, names)
        converter = tf.lite.TFLiteConverter.from_concrete_functions([function.get_concrete_function()], module)
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
        files[f"{name}.tflite"] = converter.convert()
    return files


def _named(model, given: str, shape: tuple, names: tuple[str, ...]) -> tf.Function:
    """The network as a function with named outputs."""

    def call(x: tf.Tensor) -> dict[str, tf.Tensor]:
        return dict(zip(names, model(x, training=False), strict=True))

    return tf.function(call, input_signature=[tf.TensorSpec(shape, tf.float32, given)], autograph=False)
