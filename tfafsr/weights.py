"""Weights that ship with the package: one small file each, whose hash is checked, with its model card inside.

A file is a NumPy archive: `meta`, JSON in UTF-8 (format, options of the detector, preset, card), and an array for each
variable of the detector in the order of `Detector.variables`. Convolutions and dense kernels are stored in float16,
everything else in float32: BatchNorm's variances need the range.
"""

from __future__ import annotations

import dataclasses
import hashlib
import io
import json
import os
import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np

from tfafsr.detector import Detector
from tfafsr.presets import PRESETS, preset
from tfafsr.version import __version__

FORMAT = 2  # 1 held a temperature in the place of the calibration's scale and bias
FOLDER = Path(__file__).parent / "shipped"
MAX_BYTES = 2**26
ARCHITECTURE = (
    *("size", "width", "blocks", "decoder", "output", "pooling", "fusion", "ela_of", "ela_quality", "error_image"),
)
"""The options of a detector that decide which variables it has and what they mean."""


class WeightsError(ValueError):
    """Weights that cannot be used. The message names them and says what to do."""

    for_user = True


@dataclasses.dataclass(frozen=True)
class Shipped:
    """A file of the package: the SHA-256 of its bytes, in hexadecimal digits."""

    sha256: str

    def file(self, name: str) -> Path:
        """Its path."""
        return FOLDER / f"{name}.npz"


SHIPPED = {
    "photos-1-tiny": Shipped("8171fe39d2aea49ceb729bd0442c50414caa2b603fe1aa7b46471ed3af58d5f5"),
}
"""Name -> what is in the package."""


@dataclasses.dataclass(frozen=True)
class Weights:
    """The content of a file.

    Attributes:
        name: the name or path that it was asked for by.
        preset: `paper`, `small` or `tiny`.
        options: the arguments of `Detector`.
        card: the model card, Markdown.
        figures: the card's main figures as JSON values, see `experiments.model_card.figures`; empty if there are none.
        arrays: the values of the variables, in order.
    """

    name: str
    preset: str
    options: dict[str, object]
    card: str
    figures: dict[str, object]
    arrays: list[np.ndarray]

    def detector(self, **overrides: object) -> Detector:
        """A detector with these weights.

        Args:
            overrides: arguments of `Detector` in the place of those in the file; none of `ARCHITECTURE`.

        Raises:
            WeightsError: an override changes the architecture, or the arrays do not fit the detector.
        """
        changed = [name for name in ARCHITECTURE if name in overrides and overrides[name] != self.options.get(name)]
        if "mask_weight" in overrides and bool(overrides["mask_weight"]) != bool(self.options.get("mask_weight")):
            changed.append("mask_weight")  # the head is there, or not
        if changed:
            raise WeightsError(
                f"the weights {self.name} are for {changed[0]}={self.options.get(changed[0])!r}, not "
                f"{overrides[changed[0]]!r}. Leave it out, or train without these weights."
            )
        try:
            detector = Detector(**{**self.options, **overrides})
            if unknown := set(self.options) ^ set(detector.options):
                raise ValueError(f"the option {min(unknown)} is not known to both")
            variables = detector.variables
            shapes = [tuple(variable.shape) for variable in variables]
            if shapes != [array.shape for array in self.arrays]:
                raise ValueError("its arrays have other shapes than the detector's variables")
        except (TypeError, ValueError) as error:
            raise WeightsError(
                f"the weights {self.name} do not fit this version, {__version__} ({error}). Use the version that they "
                "were made with, or train again."
            ) from error
        for variable, array in zip(variables, self.arrays, strict=True):
            variable.assign(array.astype(np.float32))
        return detector


def read_weights(name: str | os.PathLike) -> Weights:
    """Reads shipped weights or a file.

    Args:
        name: a key of `SHIPPED`, or the path of a file that `write_weights` wrote.

    Raises:
        WeightsError: the name is unknown, the file is damaged, of another format, or not the one that was shipped.
    """
    shipped = SHIPPED.get(os.fspath(name))
    path = shipped.file(os.fspath(name)) if shipped else Path(name)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise WeightsError(f"{path} is larger than {MAX_BYTES // 2**20} MiB; it holds no weights of a detector.")
        content = path.read_bytes()
    except FileNotFoundError as error:
        known = ", ".join(SHIPPED) or "none"
        raise WeightsError(f"there are no weights {name}; give a file, or one of those that ship: {known}.") from error
    except OSError as error:
        raise WeightsError(f"{path} cannot be read ({error.strerror}).") from error
    if shipped and hashlib.sha256(content).hexdigest() != shipped.sha256:
        raise WeightsError(f"{path} is not the file that was shipped: it is cut or changed. Install tfafsr again.")
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            meta = json.loads(archive["meta"].tobytes())
            if not isinstance(meta, dict) or meta.get("format") != FORMAT:
                raise WeightsError(
                    f"{path} has the format {str(meta)[:20] if not isinstance(meta, dict) else meta.get('format')}; "
                    f"this version, {__version__}, reads {FORMAT}. Use the version that it was made with."
                )
            arrays = [archive[f"{index:04d}"] for index in range(int(meta["arrays"]))]
            options, figures = dict(meta["options"]), dict(meta.get("figures", {}))
            weights = Weights(os.fspath(name), meta["preset"], options, str(meta["card"]), figures, arrays)
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        if isinstance(error, WeightsError):
            raise
        raise WeightsError(f"{path} is damaged, or holds no weights of a detector ({error}). Copy it again.") from error
    if weights.preset not in PRESETS or not all(np.isfinite(array).all() for array in arrays):
        raise WeightsError(f"{path} is damaged: an unknown preset, or values that are not finite. Copy it again.")
    return weights


def write_weights(
    path: Path, detector: Detector, preset_name: str, card: str, figures: dict[str, object] | None = None
) -> None:
    """Writes the weights of a detector, with calibration, and a model card.

    Args:
        path: the file, `.npz`; it is written in place.
        detector: a detector whose options are those of the preset, but for weights of the loss and dtype.
        preset_name: `paper`, `small` or `tiny`.
        card: Markdown.
        figures: see `Weights`.

    Raises:
        ValueError: the detector has another architecture than the preset.
    """
    expected = Detector.from_preset(preset_name).options
    for name in ARCHITECTURE:
        if detector.options[name] != expected[name]:
            raise ValueError(
                f"the detector has {name}={detector.options[name]!r}, the preset {preset_name} {expected[name]!r}."
            )
    values = [keras.ops.convert_to_numpy(variable).astype(np.float32) for variable in detector.variables]
    arrays = {
        f"{index:04d}": value.astype(np.float16) if value.ndim > 1 else value for index, value in enumerate(values)
    }
    options = {**detector.options, "dtype": "float32"}
    meta = {
        **{"format": FORMAT, "preset": preset_name, "options": options, "arrays": len(arrays)},
        **{"card": card, "figures": figures or {}},
    }
    with path.open("wb") as file:
        np.savez_compressed(file, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)


def from_preset(preset_name: str, name: str | os.PathLike, **overrides: object) -> Detector:
    """The detector of a preset with weights; see `Detector.from_preset`.

    Raises:
        WeightsError: as `read_weights`; or the weights are for another preset, or an override changes the architecture.
    """
    preset(preset_name)  # raises an error for an unknown preset
    weights = read_weights(name)
    if weights.preset != preset_name:
        raise WeightsError(f"the weights {name} are for the preset {weights.preset}, not {preset_name}.")
    return weights.detector(**overrides)
