"""Writes and reads SavedModels in numbered version folders, as TensorFlow Serving needs them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import tfafsr  # noqa: F401  # before TensorFlow, whose start-up messages it hides

# isort: split
import tensorflow as tf

from records.atomic import atomic_folder, locked, write_text
from records.errors import DataError
from savedmodel_export.graph import DEFAULT_BATCHING, Batching, ServingModule
from savedmodel_export.model import check_exportable, describe
from savedmodel_export.serving import WARMUP_FILE, configuration, warmup_records
from tfafsr import SCORES, Classifier

DESCRIPTION_FILE = Path("assets.extra") / "tfafsr.json"
SIGNATURES = ("serving_default", "faces_jpeg", "describe")
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def export_saved_model(
    detector: Classifier, out: Path, version: int | None = None, batching: Batching | None = DEFAULT_BATCHING
) -> Path:
    """Writes `out`/<version>, complete or not at all, and beside it the server's configuration files that are missing.

    Signatures (N: any number from 1 to `graph.MAX_FACES`; S: the detector's size):
        serving_default: frame uint8 (N, S, S, 3) RGB, keypoints float32 (N, 5, 2) in [0, 1]
            -> probability (calibrated at even odds), log10_likelihood_ratio, logit: float32 (N, 1).
        faces_jpeg: image_bytes string (N,), JPEG or PNG of square crops of any size, keypoints -> the same.
        explain: frame, keypoints -> probability, log10_likelihood_ratio, reconstruction float32 (N, S, S, 3) in
            [-1, 1], artifact_map float32 (N, S, S, 1) in [0, 1]: how much the reconstruction departs from the face,
            mean of the channels.
        describe: request string (N,), of any content -> description (JSON of `model.describe`), size, keypoint_order
            (N, 5), labels (N, 2), the same in every row.

    The configuration files are `models.config`, `batching.config` and `compose.yaml`; existing ones are not changed.

    Args:
        detector: the trained detector, in float32.
        out: folder of all versions; its name is the model's name for TensorFlow Serving.
        version: number of the version; by default one more than the newest.
        batching: how requests share a batch; None computes each request separately.

    Returns:
        The version folder.

    Raises:
        DataError: `out` is a file, its name or the version cannot be used, the version is there already, another
            process is exporting into `out`, a weight is NaN or infinite, or the disk is full.
    """
    name = out.resolve().name
    if not NAME.fullmatch(name):
        raise DataError(f"{out}: a model cannot be called {name!r}; use letters, digits, '_', '-' and '.' for --out.")
    if out.exists() and not out.is_dir():
        raise DataError(f"{out} is a file; give --out a folder, which will hold the numbered versions.")
    if version is not None and version < 1:
        raise DataError(f"A version is a positive number; received {version}.")
    if version is not None and (out / str(version)).exists():
        raise DataError(f"{out / str(version)} exists already; leave the version out to get the next free number.")
    check_exportable(detector)
    with locked(out, "exporting into"):
        # TensorFlow Serving ignores the temporary folder, because its name is not a number.
        folder = out / str(version or _next_version(out))
        with atomic_folder(folder) as temporary:
            _write(detector, temporary, name, batching)
        for file, text in configuration(name).items():
            if not (out / file).exists():
                write_text(out / file, text)
    return folder


def versions(out: Path) -> list[Path]:
    """The version folders in `out`, the newest last."""
    folders = [path for path in out.iterdir() if path.name.isdecimal() and path.is_dir()]
    return sorted(folders, key=lambda path: int(path.name))


def find_version(path: Path) -> Path:
    """The folder of one exported version: `path` itself, or its newest version.

    Raises:
        DataError: `path` holds no exported version, or that of another project.
    """
    if not path.is_dir():
        raise DataError(f"{path} is no folder; give the --out of `tfafsr export --format savedmodel`.")
    folder = path
    if not (path / "saved_model.pb").is_file():
        found = versions(path)
        if not found:
            raise DataError(f"{path} holds neither saved_model.pb nor a numbered version; is it an exported model?")
        folder = found[-1]
    read_description(folder)
    return folder


def read_description(folder: Path) -> dict[str, object]:
    """The description in a version folder (see `model.describe`); raises `DataError` for any other SavedModel."""
    path = folder / DESCRIPTION_FILE
    if not (folder / "saved_model.pb").is_file():
        raise DataError(f"{folder} holds no saved_model.pb; it is no SavedModel.")
    if not path.is_file():
        raise DataError(f"{folder} is a SavedModel, but not of this project: {DESCRIPTION_FILE} is missing.")
    try:
        description = json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path} is damaged ({error}); export the model again.") from error
    if not isinstance(description, dict) or description.get("model") != "tfafsr":
        raise DataError(f"{path} does not describe a detector of this project; export the model again.")
    return description


def load_saved_model(path: Path) -> tuple[tf.Module, dict[str, object]]:
    """Loads an exported version, or the newest one in a folder of versions.

    Returns:
        (the model, its description). `model.signatures[name](**inputs)` is what TensorFlow Serving runs;
        `model.detect(frame, keypoints)` is the network without checks and batching, e.g. for
        `tf.function(model.detect, jit_compile=True)`.

    Raises:
        DataError: there is no model, it was not exported by this project, or it is damaged.
    """
    folder = find_version(path)
    try:
        model = tf.saved_model.load(str(folder))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise DataError(
            f"{folder} cannot be loaded ({type(error).__name__}: {error}); export the model again."
        ) from error
    missing = [name for name in SIGNATURES if name not in model.signatures]
    if missing:
        raise DataError(f"{folder} lacks the signatures {', '.join(missing)}; export the model again.")
    missing = [name for name in SCORES if name not in model.signatures["serving_default"].structured_outputs]
    if missing:
        raise DataError(f"{folder} lacks the output {missing[0]}: an earlier version exported it; export it again.")
    return model, read_description(folder)


def _next_version(out: Path) -> int:
    found = versions(out)
    return int(found[-1].name) + 1 if found else 1


def _write(detector: Classifier, folder: Path, name: str, batching: Batching | None) -> None:
    """Writes everything that a version folder holds."""
    module = ServingModule(detector, batching)
    tf.saved_model.save(module, str(folder), signatures=module.endpoints)
    extra = folder / "assets.extra"
    extra.mkdir(exist_ok=True)
    (folder / DESCRIPTION_FILE).write_text(json.dumps(describe(detector), indent=2) + "\n")
    with tf.io.TFRecordWriter(str(extra / WARMUP_FILE)) as writer:
        for record in warmup_records(name, detector.options["size"], module.endpoints):
            writer.write(record.SerializeToString())
