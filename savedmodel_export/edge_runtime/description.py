"""Reads the description of a detector from its .tflite file: a ZIP archive after the network, ignored by LiteRT."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from .errors import EdgeError

DETECTOR_FILE = "detector.tflite"  # in a bundle
DESCRIPTION_FILE, LABELS_FILE = "tfafsr.json", "labels.txt"  # in the archive
MAX_DESCRIPTION = 2**16  # bytes


def read_description(path: Path) -> dict[str, object]:
    """The description: the result of `savedmodel_export.describe`, the `form`, and the `sha256` of the network.

    The archive is where TensorFlow Lite's metadata format puts files: `unzip` and Python's zipfile read it.

    Raises:
        EdgeError: there is no such file, this project did not write it, or it is damaged or cut off.
    """
    if not path.is_file():
        raise EdgeError(f"{path} does not exist; give what `tfafsr export` wrote.")
    other = f"{path} is no detector that `tfafsr export` wrote, or it was cut off"
    try:
        with zipfile.ZipFile(path) as archive:
            entry = archive.getinfo(DESCRIPTION_FILE)
            if entry.file_size > MAX_DESCRIPTION:
                raise EdgeError(f"{other}: {DESCRIPTION_FILE} inside has {entry.file_size} bytes.")
            description = json.loads(archive.read(entry))
            start = min(one.header_offset for one in archive.infolist())
    except EdgeError:
        raise
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RuntimeError) as error:
        raise EdgeError(f"{other} ({error}).") from error
    if not isinstance(description, dict) or description.get("model") != "tfafsr":
        raise EdgeError(f"{other}: {DESCRIPTION_FILE} inside does not describe a detector.")
    with path.open("rb") as file:
        found = hashlib.sha256(file.read(start)).hexdigest()
    if found != description.get("sha256"):
        raise EdgeError(f"{path} is damaged: the network inside is not the one that was exported; export it again.")
    return description
