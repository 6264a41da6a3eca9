"""Draws the report of a run: ROC curves, losses over the epochs, calibration, and a contact sheet of faces."""

from __future__ import annotations

import json
from pathlib import Path

import keras
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure, SubFigure
from sklearn.metrics import roc_curve

from experiments import data, runs, scoring
from experiments.tables import with_interval
from records.atomic import atomic_file
from records.errors import DataError
from records.shards import Manifest
from tfafsr.layers import KeypointHeatmaps

COLUMNS = ("input", "reconstruction", "target", "error image", "mask", "key points", "score")
LOSSES = ("loss", "cross_entropy", "triplet_loss", "reconstruction_loss", "artifact_loss", "mask_loss")
CURVES = (*LOSSES, "auc", "restoration_gain_db", "restoration_gain_inside_db")
TITLES = {
    "auc": "AUC",
    "restoration_gain_db": "restoration gain, dB",
    "restoration_gain_inside_db": "gain in the mask, dB",
}


def draw_roc(scores: dict[str, tuple[np.ndarray, np.ndarray]], title: str, path: Path) -> None:
    """Draws one ROC curve for each entry of `scores`.

    Args:
        scores: name of the curve -> (labels (n,), scores (n,)).
        title: title of the picture.
        path: the PNG file.
    """
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1, linestyle="--", label="chance")
    for name, (labels, values) in scores.items():
        false_positives, true_positives, _ = roc_curve(labels, values)
        width, color = (2.4, "black") if name == "all" else (1.3, None)
        axes.plot(false_positives, true_positives, linewidth=width, color=color, label=name)
    axes.set(xlabel="false positive rate (reals called manipulated)", ylabel="true positive rate", title=title)
    axes.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    axes.legend(loc="lower right", frameon=False)
    _save(figure, path)


def draw_losses(history: list[dict[str, float]], path: Path) -> None:
    """Draws each loss term, the AUC and the restoration gains over the epochs, for training and validation.

    Args:
        history: one dict for each epoch, the content of the run's history.json.
        path: the PNG file.
    """
    others = [name for name in history[0] if name.endswith("_loss") and not name.startswith("val_")]
    names = [name for name in dict.fromkeys((*LOSSES, *others, *CURVES)) if f"val_{name}" in history[0]]
    rows = max(2, -(-len(names) // 4))
    figure = Figure(figsize=(13.5, 3.0 * rows), layout="constrained")
    epochs = np.arange(1, len(history) + 1)
    for axes, name in zip(figure.subplots(rows, 4).flat, names, strict=False):
        for prefix, color, label in (("", "tab:blue", "training"), ("val_", "tab:orange", "validation")):
            if prefix + name in history[0]:
                axes.plot(epochs, [logs[prefix + name] for logs in history], color=color, marker=".", label=label)
        axes.set_title(TITLES.get(name, name.replace("_", " ")))
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False)
    for axes in figure.axes[len(names) :]:
        axes.set_axis_off()
    _save(figure, path)


def draw_reliability(measured: dict, path: Path) -> None:
    """Draws the reliability diagram before and after calibration: share of manipulated faces against probability.

    Args:
        measured: the value of `calibration` in metrics.json.
        path: the PNG file.
    """
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes = figure.add_subplot()
    axes.plot([0, 1], [0, 1], color="0.75", linewidth=1, linestyle="--", label="calibrated perfectly")
    for name, color in (("before", "tab:gray"), ("after", "tab:blue")):
        bins = measured[name]["bins"]
        x, y = ([row[key] for row in bins] for key in ("probability", "manipulated"))
        error = with_interval(measured[name]["ece"], measured[name]["ece_ci95"], 3)
        axes.plot(x, y, color=color, linewidth=1.3, label=f"{name}: error {error}")
        axes.scatter(x, y, s=[12 + 300 * row["weight"] for row in bins], color=color, alpha=0.6, linewidths=0)
    axes.set(xlabel="mean probability", ylabel="share of manipulated faces (classes weighted equally)")
    axes.set(title="Calibration; larger dots are more faces")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), aspect="equal")
    axes.legend(loc="upper left", frameon=False)
    _save(figure, path)


def draw_faces(
    model: keras.Model, records: Path, split: str, compression: str, path: Path, per_method: int = 2
) -> None:
    """Draws a contact sheet: each row is one face with its fields, its reconstruction and its score.

    Below them the last face is shown enlarged: before, after AFSR, and its target. Methods without a reconstruction
    have neither.

    Args:
        model: a Detector or a baseline.
        records: records written by `tfafsr build`.
        split: train, val or test.
        compression: compression of the faces.
        path: the PNG file.
        per_method: number of rows for each method and for `real`, each from another video.
    """
    if data.burst_of(model) > 1:
        model = model.deployed()  # each row is one face
    rows = _choose(model, records, split, compression, per_method)
    size = data.input_size(model)
    heatmaps = KeypointHeatmaps(image_size=size, stride=1, sigma=size / 32.0)
    explained = "reconstruction" in model.output
    columns = [name for name in COLUMNS if explained or name != "reconstruction"]
    figure = Figure(figsize=(1.45 * len(columns) + 0.9, 1.45 * (len(rows) + 2 * explained) + 1.4), layout="constrained")
    if explained:
        faces, enlarged = figure.subfigures(2, 1, height_ratios=(len(rows) + 0.3, 2.6))
        _draw_enlarged(model, rows[-1], enlarged)
    else:
        faces = figure
    grid = faces.subplots(len(rows), len(columns), squeeze=False)
    for axes_row, (inputs, fields) in zip(grid, rows, strict=True):
        everything = {**fields, **inputs}
        outputs = _outputs(model, inputs)
        maps = np.max(keras.ops.convert_to_numpy(heatmaps(everything["keypoints"][None]))[0], axis=-1)
        mask = fields["mask"][..., 0] if fields["mask_known"] else np.full((size, size), 128, np.uint8)
        pictures = {
            "input": inputs["frame"],
            "target": fields["target"],
            "error image": everything["ela"],
            "mask": mask,
            "key points": inputs["frame"],
        }
        if explained:
            pictures["reconstruction"] = _restored(outputs)
        at = dict(zip(columns, axes_row, strict=True))
        for name, picture in pictures.items():
            at[name].imshow(picture, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        at["key points"].imshow(maps / maps.max(), cmap="magma", alpha=0.6, interpolation="nearest")
        _write_score(at["score"], float(outputs["probability"][0, 0]), int(fields["label"]))
        axes_row[0].set_ylabel(fields["method"].decode(), fontsize=9)
        for axes in axes_row:
            axes.set(xticks=[], yticks=[])
            axes.set_frame_on(False)
    for axes, name in zip(grid[0], columns, strict=True):
        axes.set_title(f"{name} ({compression})" if name == "input" else name, fontsize=9)
    _save(figure, path)


def _outputs(model: keras.Model, inputs: dict) -> dict:
    """All outputs of the model for one face."""
    return model({name: value[None] for name, value in inputs.items()}, training=False)


def _restored(outputs: dict) -> np.ndarray:
    """I^r in [0, 1], (S, S, 3)."""
    return (np.clip(outputs["reconstruction"][0].numpy(), -1, 1) + 1) / 2


def _draw_enlarged(model: keras.Model, row: tuple[dict, dict], figure: SubFigure) -> None:
    """Draws the middle of a face before and after AFSR beside its target, each with its PSNR."""
    inputs, fields = row
    reconstruction = _restored(_outputs(model, inputs))
    target = fields["target"] / 255
    part = slice(round(0.2 * len(target)), round(0.9 * len(target)))
    pictures = {"before": inputs["frame"] / 255, "after": reconstruction, "target": target}
    for axes, (name, picture) in zip(figure.subplots(1, 3), pictures.items(), strict=True):
        axes.imshow(picture[part, part], interpolation="nearest")
        error = np.mean((picture - target) ** 2)
        axes.set_title(f"{name}: {-10 * np.log10(error):.2f} dB" if error else name, fontsize=9)
        axes.set(xticks=[], yticks=[])
        axes.set_frame_on(False)


def read_scores(path: Path) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads a score table of `evaluate`: "all" and each method (its fakes beside all reals) -> (labels, scores)."""
    frames = scoring.load_frames(path)
    selections = {"all": frames, **{method: frames.only(method) for method in scoring.methods_of(frames)}}
    return {name: (scores.labels, scores.values) for name, scores in selections.items()}


def write_report(run: Path, records: Path, metrics: Path, out: Path) -> list[Path]:
    """Draws roc.png, losses.png, faces.png and reliability.png into `out` and returns their paths.

    Args:
        run: a finished run folder.
        records: the records that were scored.
        metrics: metrics.json of `evaluate`, with the score tables beside it; it names the split and the compression.
        out: folder of the pictures.
    """
    measured = _read_metrics(metrics)
    compression, split = measured["compression"], measured["split"]
    if measured["records_content"] != Manifest.load(records).content_hash:
        raise DataError(
            f"{metrics} was measured on {measured['records']}, and the content of {records} is different; give the "
            "same records, or run evaluate again."
        )
    detector, history = runs.load_detector(run), runs.load_history(run)
    scores = read_scores(metrics.with_name(metrics.stem + ".frames.csv"))
    pictures = [out / "roc.png", out / "losses.png", out / "faces.png"]
    draw_roc(scores, f"frames of the {split} split at {compression}", pictures[0])
    draw_losses(history, pictures[1])
    draw_faces(detector, records, split, compression, pictures[2])
    if "calibration" in measured:
        pictures.append(out / "reliability.png")
        draw_reliability(measured["calibration"], pictures[-1])
    return pictures


def _read_metrics(path: Path) -> dict:
    """The content of metrics.json; raises `DataError` if a value that the report needs is missing or wrong."""
    try:
        measured = json.loads(path.read_text(encoding="utf-8"))
        for name in ("compression", "split", "records", "records_content"):
            if type(measured[name]) is not str:
                raise ValueError(f"{name} must be a string")
        if "calibration" in measured:
            for when in ("before", "after"):
                ends = measured["calibration"][when]["ece_ci95"]
                for number in (measured["calibration"][when]["ece"], *(ends or (0, 0))):
                    float(number)
                if ends is not None and len(ends) != 2:
                    raise ValueError("ece_ci95 must be two numbers")
                for row in measured["calibration"][when]["bins"]:
                    [float(row[name]) for name in ("probability", "manipulated", "weight")]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} was not written by `tfafsr evaluate` ({error}); run evaluate again.") from error
    return measured


def _choose(
    model: keras.Model, records: Path, split: str, compression: str, per_method: int
) -> list[tuple[dict, dict]]:
    """The first frame of `per_method` videos of every method, reals first."""
    chosen: dict[bytes, dict[bytes, tuple[dict, dict]]] = {}
    extra = ("target", "ela", "mask", "mask_known", "keypoints")
    for inputs, fields in data.scoring_batches(records, split, compression, model, extra=extra):
        for i, (method, video) in enumerate(zip(fields["method"], fields["video"], strict=True)):
            videos = chosen.setdefault(method, {})
            if video not in videos and len(videos) < per_method:
                videos[video] = tuple({name: value[i] for name, value in part.items()} for part in (inputs, fields))
    methods = sorted(chosen, key=lambda method: (method != b"real", method))
    return [row for method in methods for row in chosen[method].values()]


def _write_score(axes, probability: float, label: int) -> None:
    right = (probability >= 0.5) == bool(label)
    axes.text(
        0.5,
        0.56,
        f"{probability:.2f}",
        ha="center",
        va="center",
        fontsize=15,
        color="tab:green" if right else "tab:red",
    )
    axes.text(0.5, 0.3, "manipulated" if label else "real", ha="center", va="center", fontsize=9)
    axes.set(xlim=(0, 1), ylim=(0, 1))


def _save(figure: Figure, path: Path) -> None:
    with atomic_file(path) as temporary:
        FigureCanvasAgg(figure).print_png(str(temporary), metadata={"Software": None})
