"""Compares exported detectors with the Keras model on the same faces: scores, AUC, size, latency."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from scipy.special import expit

from records.errors import DataError
from savedmodel_export.exported import Exported, open_exported
from savedmodel_export.latency import keras_detect, latencies
from savedmodel_export.model import describe
from tfafsr import Classifier, metrics

THREADS = (1, 2)


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """How much an exported detector may differ from the Keras model.

    Attributes:
        largest: largest difference of the probability on a single face.
        mean: mean difference of the probability over all faces.
        mean_ratio: mean difference of the log10 likelihood ratio over all faces.
        auc_loss: loss of AUC in points (hundredths), or None for no limit. It is checked only with at least `AUC_FACES`
            faces of each class: with fewer, a few pairs in another order are half a point.
    """

    largest: float
    mean: float
    mean_ratio: float
    auc_loss: float | None = None


# Error levels come from rounding. If a value lies half-way between two levels, the last bits of a float32 product
# decide how it is rounded, and the error levels of an 8x8 block change by whole steps. A SavedModel runs the kernels of
# the Keras model; LiteRT's may round a block of a few faces otherwise, so the limit for a single face is higher.
TOLERANCES = {
    "savedmodel": Tolerance(1e-4, 1e-5, 1e-4),
    "none": Tolerance(0.1, 0.0005, 0.005),
    "float16": Tolerance(0.1, 0.001, 0.01),
    "dynamic": Tolerance(0.4, 0.02, 0.2, 0.5),
    "int8": Tolerance(0.5, 0.03, 0.3, 0.5),
}
# Every form computes both outputs from its logit in float32, so that they agree with each other whatever its weights.
CONTRADICTION = 1e-5
AUC_FACES = 100


@dataclasses.dataclass(frozen=True)
class LabelledFaces:
    """A batch of faces of records.

    Attributes:
        frame: uint8 (N, S, S, 3) RGB.
        keypoints: float32 (N, 5, 2) in [0, 1].
        labels: (N,), 1 = manipulated, 0 = real.
        groups: (N,), the component of connected people, which the AUC's interval resamples.
    """

    frame: np.ndarray
    keypoints: np.ndarray
    labels: np.ndarray
    groups: np.ndarray


def verify_exported(
    detector: Classifier,
    file: Path,
    paths: Sequence[Path],
    batches: Iterable[LabelledFaces],
    threads: Sequence[int] = THREADS,
) -> dict:
    """Runs the Keras model and its exports on the same faces and compares their probabilities.

    Args:
        detector: the trained detector, as `tfafsr.load_detector` gives it.
        file: the `.keras` file of the detector, which the processes that measure latency load again.
        paths: exported detectors, as `open_exported` takes them.
        batches: faces with their labels, at least one.
        threads: numbers of threads to measure latency with.

    Returns:
        {"keras": {"auc", "auc_ci95", "n", "bytes", "latency_ms"}, "models": [{"path", "form", "difference":
        {"largest", "mean", "mean_ratio"}, "contradiction", "auc", "auc_ci95", "auc_loss", "bytes", "latency_ms",
        "tolerance", "agrees", "reasons"}]}: `contradiction` is the largest difference between the probability of a
        form and that of its likelihood ratio; `latency_ms` is {threads: median milliseconds a face at batch 1};
        `auc_loss` is in points, None where a class is missing; `reasons` says in words which differences exceed
        `tolerance`, and is empty when the model `agrees`.

    Raises:
        DataError: a model cannot be opened or is another detector's, or there are no faces.
    """
    exported = [open_exported(path) for path in paths]
    for model in exported:
        _check_same(model, describe(detector), file)
    labels, groups, answers = _run([keras_detect(detector), *(model.detect for model in exported)], batches)
    expected = answers[0]
    times = {count: latencies(file, [model.path for model in exported], count) for count in threads}

    def row(index: int) -> dict:
        return {str(count): found[index] for count, found in times.items()}

    reference = metrics.summary(labels, expected["probability"], groups)
    result = {
        "keras": {
            **{name: reference[name] for name in ("auc", "auc_ci95", "n")},
            "bytes": file.stat().st_size,
            "latency_ms": row(0),
        },
        "models": [],
    }
    for index, (model, found) in enumerate(zip(exported, answers[1:], strict=True), 1):
        compared = compare(model.form, expected, found, labels, groups)
        size = {"bytes": model.size, "latency_ms": row(index)}
        result["models"].append({"path": str(model.path), "form": model.form, **compared, **size})
    return result


def compare(
    form: str, expected: dict[str, np.ndarray], found: dict[str, np.ndarray], labels: np.ndarray, groups: np.ndarray
) -> dict:
    """The part of `verify_exported`'s result that compares the scores of one exported detector.

    Args:
        form: a key of `TOLERANCES`.
        expected, found: `probability` and `log10_likelihood_ratio`, both (N,), of the Keras model and of the exported
            one.
        labels, groups: (N,), as in `LabelledFaces`.
    """
    tolerance = TOLERANCES[form]
    result = {"difference": None, "contradiction": None, "auc": None, "auc_ci95": None, "auc_loss": None}
    reasons = []
    for name, words in (("probability", "probabilities"), ("log10_likelihood_ratio", "likelihood ratios")):
        if unusable := int((~np.isfinite(found[name])).sum()):
            reasons.append(f"{unusable} of {len(found[name])} {words} are not finite")
    if not reasons:
        probability, ratio = (
            np.abs(found[name].astype(np.float64) - expected[name])
            for name in ("probability", "log10_likelihood_ratio")
        )
        result["difference"] = {
            "largest": float(probability.max()),
            "mean": float(probability.mean()),
            "mean_ratio": float(ratio.mean()),
        }
        for name, value in result["difference"].items():
            if value > (limit := getattr(tolerance, name)):
                what = "mean difference of the log10 likelihood ratio"
                what = what if name == "mean_ratio" else f"{name} difference of the probability"
                reasons.append(f"the {what} is {value:.2g}, more than {limit:g}")
        own = expit(found["log10_likelihood_ratio"].astype(np.float64) * np.log(10))
        result["contradiction"] = float(np.abs(own - found["probability"]).max())
        if result["contradiction"] > CONTRADICTION:
            reasons.append(
                f"probability and likelihood ratio contradict each other by {result['contradiction']:.2g}, more than "
                f"{CONTRADICTION:g}"
            )
        summary = metrics.summary(labels, found["probability"], groups)
        result.update({name: summary[name] for name in ("auc", "auc_ci95")})
        if summary["auc"] is not None:
            loss = 100 * (metrics.auc(labels, expected["probability"]) - summary["auc"])
            result["auc_loss"] = loss
            enough = np.bincount(labels.astype(np.int64)).min() >= AUC_FACES
            if enough and tolerance.auc_loss is not None and loss > tolerance.auc_loss:
                reasons.append(f"{loss:.2f} points of AUC are lost, more than {tolerance.auc_loss:g}")
    return {**result, "tolerance": dataclasses.asdict(tolerance), "agrees": not reasons, "reasons": reasons}


def _check_same(model: Exported, description: dict, file: Path) -> None:
    """Raises `DataError` if the descriptions differ. Different weights are no error: the comparison shows them."""
    for name in ("size", "calibration", "options"):
        if model.description.get(name) != description[name]:
            raise DataError(
                f"{model.path} was not exported from {file}: its {name} is {model.description.get(name)}, "
                f"the file's {description[name]}. Give the run that it was exported from, or export again."
            )


def _run(detectors: list, batches: Iterable[LabelledFaces]) -> tuple[np.ndarray, np.ndarray, list[dict]]:
    """Labels, groups and each detector's scores on all faces, name -> (N,)."""
    labels, groups, answers = [], [], [[] for _ in detectors]
    for faces in batches:
        labels.append(faces.labels)
        groups.append(faces.groups)
        for detect, answer in zip(detectors, answers, strict=True):
            answer.append(detect(faces.frame, faces.keypoints))
    if not labels:
        raise DataError("There are no faces to compare on; give another split or compression.")
    joined = [{name: np.concatenate([part[name] for part in answer]) for name in answer[0]} for answer in answers]
    return np.concatenate(labels), np.concatenate(groups), joined
