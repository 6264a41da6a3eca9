"""Trains a Detector with Keras `fit`, an epoch at a time; a killed run goes on to where an undisturbed one ends."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments import data, state
from experiments.config import TrainConfig
from records.errors import DataError
from records.progress import SECONDS_BETWEEN_LINES, duration
from records.shards import reader
from records.shards.damage import naming_the_shard
from records.shards.manifest import Manifest
from tfafsr import Detector, calibration

MODEL_FILE, HISTORY_FILE, LOG_FOLDER = "model.keras", "history.json", "tensorboard"
SELECTION = "val_auc"


class TrainingDiverged(DataError):
    """The loss is not a finite number any more."""


def train(config: TrainConfig, run: Path, say=print) -> dict[str, float]:
    """Trains until the schedule's last epoch and leaves the model with the best validation AUC in `run`.

    Args:
        config: what to train, on what.
        run: the run folder; a run with the same configuration that was interrupted there is continued from its last
            whole epoch.
        say: takes one line of text.

    Returns:
        {"best_epoch", "val_auc", "temperature"}, the epoch counted from 1.

    Raises:
        DataError: unusable records, or a run folder that holds another run.
        TrainingDiverged: the loss became NaN or infinite; the last whole state stays where it is.
    """
    epochs = config.schedule.epochs
    _check_run(config, run)
    keras.utils.set_random_seed(config.seed)
    before = state.newest(run)
    if before is None:
        progress = state.State()
        model = _new_model(config)
    else:
        progress = state.load(before)
        model = keras.models.load_model(before / state.MODEL)
        if progress.epoch < epochs:
            say(f"Resuming {run}: {progress.epoch} of {epochs} epochs are done.")
    steps, batch = data.steps_per_epoch(config)
    say(
        f"{model.count_params() / 1e6:.1f} M parameters; {steps} steps of {batch} faces an epoch; "
        f"validation on {_faces(config, 'val')} faces."
    )
    validation = data.validation(config, model)
    started, first = time.monotonic(), progress.epoch
    for epoch in range(progress.epoch, epochs):
        logs = _epoch(config, model, epoch, validation, steps)
        best = progress.finished_epoch(logs, logs[SELECTION])
        state.save(run, progress, model, best)
        _to_tensorboard(run / LOG_FOLDER, logs, epoch)
        left = (time.monotonic() - started) / (epoch + 1 - first) * (epochs - epoch - 1)
        say(
            f"epoch {epoch + 1}/{epochs}  loss {logs['loss']:.4f}  val loss {logs['val_loss']:.4f}  "
            f"AUC {logs['auc']:.3f}  val AUC {logs[SELECTION]:.3f}{' (best)' if best else ''}  "
            f"about {duration(left)} left"
        )
    model = keras.models.load_model(state.newest(run) / state.BEST)
    temperature = _calibrate(model, data.validation(config, model), say)
    _publish(run, progress, model)
    return {"best_epoch": progress.best_epoch + 1, SELECTION: progress.best_value, "temperature": temperature}


class _Watch(keras.callbacks.Callback):
    """Stops on a loss that is not finite, and says every ten seconds how far the epoch is."""

    def __init__(self, epoch: int, epochs: int, steps: int) -> None:
        super().__init__()
        self.epoch, self.epochs, self.steps = epoch, epochs, steps
        self.started = self.said = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Looks at the mean loss of the epoch so far, which a single bad batch makes NaN for good."""
        if not np.isfinite(logs["loss"]):
            raise TrainingDiverged(
                f"The loss became {logs['loss']} in epoch {self.epoch + 1}, step {batch + 1}. The state of the last "
                "whole epoch is kept. Try a lower --learning-rate, or --dtype float32 if it was mixed_bfloat16."
            )
        now = time.monotonic()
        if batch == 0:  # it holds the tracing, which tells nothing of the steps to come
            self.started = now
        if now - self.said >= SECONDS_BETWEEN_LINES:
            self.said = now
            line = f"  epoch {self.epoch + 1}/{self.epochs}, step {batch + 1}/{self.steps}: loss {logs['loss']:.4f}"
            if batch:
                left = (now - self.started) / batch * (self.steps * (self.epochs - self.epoch) - batch - 1)
                line += f", about {duration(left)} left"
            print(line, flush=True)


def _epoch(
    config: TrainConfig, model: keras.Model, epoch: int, validation: tf.data.Dataset, steps: int
) -> dict[str, float]:
    model.optimizer.learning_rate = config.learning_rate_at(epoch)
    batches = data.training_epoch(config, model, epoch)
    with naming_the_shard(config.records):
        history = model.fit(
            batches,
            validation_data=validation,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
            callbacks=[_Watch(epoch, config.schedule.epochs, steps)],
        )
        x, y = next(iter(batches))
    logs = {name: float(values[-1]) for name, values in history.history.items()}
    logs |= {f"gradient_norm/{term}": float(norm) for term, norm in model.gradient_norms(x, y).items()}
    return {**logs, "learning_rate": config.learning_rate_at(epoch)}


def _new_model(config: TrainConfig) -> Detector:
    model = Detector.from_preset(config.preset, dtype=config.dtype, **config.detector)
    model.compile(optimizer=keras.optimizers.Adam(config.schedule.learning_rate))
    return model


def _check_run(config: TrainConfig, run: Path) -> None:
    """Refuses a folder with another run in it, records that cannot be trained on, and splits that share people."""
    people: dict[str, set[tuple[str, str]]] = {"train": set(), "val": set()}
    holders: dict[str, str] = {}
    for folder in config.records:
        manifest = Manifest.load(Path(folder))
        for video, clip in manifest.clips.items():
            if holders.setdefault(video, folder) != folder:
                raise DataError(
                    f"{holders[video]} and {folder} both hold {video}. If these are two videos, build one of them with "
                    "another --dataset; if they are one, leave one of the records away."
                )
            if clip["split"] in people:
                dataset = video.partition("/")[0]
                people[clip["split"]].update((dataset, subject) for subject in clip["subjects"])
    for split in people:
        if not _faces(config, split):
            raise DataError(
                f"The records {', '.join(config.records)} hold no {config.compression} faces of the split {split!r}; "
                "`tfafsr inspect` lists what they hold."
            )
    if shared := people["train"] & people["val"]:
        raise DataError(
            f"{len(shared)} people are in the training and in the validation split, {min(shared)[1]!r} among them; "
            "build the records from splits that share nobody."
        )
    if (run / "config.json").exists():
        if names := config.differences(TrainConfig.load(run)):
            raise DataError(
                f"{run} holds a run with another {', '.join(names)}; give another --out, or the same options to "
                "resume it."
            )
    elif run.exists() and any(run.iterdir()):
        raise DataError(f"{run} is not empty and holds no run; give another --out.")
    run.mkdir(parents=True, exist_ok=True)
    config.save(run)


def _faces(config: TrainConfig, split: str) -> int:
    return reader.count([Path(folder) for folder in config.records], split, config.compression)


def _calibrate(model: Detector, validation: tf.data.Dataset, say) -> float:
    """Fits the temperature of the model's probability on the validation split and sets it; returns it."""
    logits = keras.Model(model.input, model.output["logit"])
    found, labels = [], []
    for x, y in validation:
        found.append(logits(x, training=False).numpy()[:, 0])
        labels.append(y["label"].numpy())
    found, labels = np.concatenate(found), np.concatenate(labels)
    if len(np.unique(labels)) < 2:
        say("The validation split holds one class only: the probabilities are not calibrated.")
        return float(model.temperature)
    temperature = calibration.fit_temperature(labels, found)
    model.temperature.assign(temperature)
    before, after = (
        calibration.reliability(labels, calibration.probability(found, t))["ece"] for t in (1.0, temperature)
    )
    say(
        f"Calibrated on the validation split: temperature {temperature:.2f}; expected calibration error "
        f"{before:.3f} before, {after:.3f} after."
    )
    return temperature


def _publish(run: Path, progress: state.State, model: Detector) -> None:
    """Writes the best model and the history to where users and `evaluate` look for them, atomically."""
    temporary = run / f"tmp-{MODEL_FILE}"  # Keras wants its own ending
    model.save(temporary)
    os.replace(temporary, run / MODEL_FILE)
    (run / f"{HISTORY_FILE}.tmp").write_text(json.dumps(progress.history, indent=2) + "\n")
    os.replace(run / f"{HISTORY_FILE}.tmp", run / HISTORY_FILE)


def _to_tensorboard(folder: Path, logs: dict[str, float], epoch: int) -> None:
    """Writes the epoch's scalars, training and validation as two curves of one chart."""
    for part in ("train", "validation"):
        with tf.summary.create_file_writer(str(folder / part)).as_default():
            for name, value in logs.items():
                if name.startswith("val_") == (part == "validation"):
                    tf.summary.scalar(name.removeprefix("val_"), value, step=epoch + 1)
