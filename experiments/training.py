"""Trains a detector or baseline with Keras `fit`, epoch by epoch; a run that was killed resumes to the same result."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments import beginnings, data, distillation, distribution, mirror, preparing, runs, state
from experiments.config import TrainConfig
from experiments.machines_config import ONE_DEVICE, MachinesConfig
from experiments.processor import bfloat16_is_fast
from records import shards
from records.atomic import atomic_file, locked, write_json
from records.errors import DataError
from records.places import Place, place
from records.progress import SECONDS_BETWEEN_LINES, duration
from tfafsr import Classifier, ModelError, calibration, load_detector

SELECTION = "val_auc"


class TrainingDiverged(DataError):
    """The loss became NaN or infinite."""


def train(
    config: TrainConfig, run: Place | str, say: Callable[[str], None] = print, machines: MachinesConfig = ONE_DEVICE
) -> dict[str, float] | None:
    """Trains until the schedule's last epoch and leaves the model with the best validation AUC in `run`.

    Args:
        config: the options of the run.
        run: the run folder; an interrupted run in it with the same options and records is continued after its last
            complete epoch. Several workers share one folder, in which the chief alone writes. It may be at a URL, see
            `experiments.mirror`.
        say: function that prints one line; after the start only the chief uses it.
        machines: the devices and machines. With others the result is the same but for the order of sums.

    Returns:
        {"best_epoch", "val_auc", "scale", "bias"}, the epoch counted from 1; scale and bias calibrate the logit. None
        for a worker that is not the chief.

    Raises:
        DataError: the records cannot be used, the folder holds another run, another process trains in it, a file
            cannot be written, or another worker ended; the state of the last complete epoch is kept.
        TrainingDiverged: the loss became NaN or infinite; the state of the last complete epoch is kept.
    """
    crew = distribution.assemble(machines, say)
    with contextlib.ExitStack() as stack:
        folder, push = stack.enter_context(mirror.local(place(run)))
        said = functools.partial(_say, say, str(folder), str(run))
        if crew.is_chief:
            stack.enter_context(locked(folder, "training in"))
        else:
            said = _say_nothing
            folder.mkdir(parents=True, exist_ok=True)
        stack.enter_context(distribution.naming_the_loss(crew, folder))
        found = preparing.prepare(config, folder)
        return _train(config, folder, found, crew, machines, push, said)


def _say(say: Callable[[str], None], folder: str, run: str, line: str) -> None:
    """Says a line, with the name of the run in the place of the local folder."""
    say(line.replace(folder, run))


def _say_nothing(line: str) -> None:
    """What the workers print that are not the chief."""


def _train(
    config: TrainConfig,
    run: Path,
    found: preparing.Found,
    crew: distribution.Crew,
    machines: MachinesConfig,
    push: Callable[[], None],
    say: Callable[[str], None],
) -> dict[str, float] | None:
    given = config = _with_shares(config, run, crew, say)
    config = beginnings.with_own_rate(config)
    epochs = config.schedule.epochs
    keras.utils.set_random_seed(config.seed)
    before = crew.seen_by_chief(lambda: state.newest(run))
    crew.check_agreement({"the last whole epoch": before.name if before else ""})  # before they make variables together
    with crew.scope():
        if before is None:
            progress = state.State()
            model = beginnings.new_model(config)
        else:
            progress = state.load(before)
            model = _load_model(before / state.MODEL, config)
            state.restore_generators(progress, model)
    model.jit_compile = machines.jit
    crew.check_agreement({"options and records": f"{given} {found.content}"})
    if before and progress.epoch < epochs:
        say(f"Resuming {run}: {progress.epoch} of {epochs} epochs are done.")
    burst = data.burst_of(model)
    steps, batch = data.steps_per_epoch(config, burst)
    for size in (batch, config.schedule.batch_size):  # of training, which may have fewer faces, and of validation
        crew.check_batch(config, size)
    part = crew.part(config.shares or 1)
    if part.share.shares > 1:
        data.training_epoch(config, model, 0, part=part)  # whether there are enough faces of each method
    if crew.is_chief:
        found.save(given, run)  # after all that can fail, which then leaves nothing
    if config.without:
        say(f"Left out: {', '.join(config.without)}.")
    say(
        f"{model.count_params() / 1e6:.1f} M parameters; {steps} steps of {batch} "
        f"{'faces' if burst == 1 else f'bursts of {burst} faces'} an epoch; "
        f"validation on {_count(config, 'val')} faces."
    )
    _warn_of_slow_dtype(config.dtype, say)
    teacher = distillation.teacher(config, model)
    if teacher is not None:
        model.learn_from_a_teacher(config.distil_weight)
    whole = data.validation(config, model)
    own = whole if part == data.WHOLE else data.validation(config, model, part=part)
    validation = crew.distributed(own), int(whole.cardinality())
    started, first = time.monotonic(), progress.epoch
    for epoch in range(progress.epoch, epochs):
        logs, speed = _epoch(config, model, teacher, epoch, validation, steps, crew, run)
        best = progress.finished_epoch(logs, logs[SELECTION])
        if crew.is_chief:
            state.save(run, progress, model, best)
            _to_tensorboard(run / runs.LOG_FOLDER, logs, epoch)
            push()
        left = (time.monotonic() - started) / (epoch + 1 - first) * (epochs - epoch - 1)
        say(
            f"epoch {epoch + 1}/{epochs}  loss {logs['loss']:.4f}  val loss {logs['val_loss']:.4f}  "
            f"AUC {logs['auc']:.3f}  val AUC {logs[SELECTION]:.3f}{' (best)' if best else ''}  "
            f"{f'{speed * batch * burst:.0f} faces/s  ' if speed else ''}about {duration(left)} left"
        )
    if crew.is_chief:
        model = _load_model(state.newest(run) / state.BEST, config)
        _calibrate(config, model, say)
        _publish(run, progress, model)
        push()
    crew.check_agreement({"the end": ""})  # a worker that ended before the chief would not be started again with it
    if not crew.is_chief:
        return None
    found = {"best_epoch": progress.best_epoch + 1, SELECTION: progress.best_value}
    return {**found, **dataclasses.asdict(model.calibration)}


def _with_shares(config: TrainConfig, run: Path, crew: distribution.Crew, say: Callable[[str], None]) -> TrainConfig:
    """The options with the number of shares: that given, that of the run which is resumed, or the number of workers.

    Raises:
        DataError: the number that was given is not a multiple of the workers.
    """
    if config.shares and config.shares % crew.workers:
        raise DataError(f"--shares must be a multiple of the {crew.workers} workers; received {config.shares}.")
    begun = runs.load_config(run).shares if (run / runs.CONFIG_FILE).exists() else None
    shares = config.shares or begun or (crew.workers if crew.workers > 1 else None)
    if (shares or 1) % crew.workers:
        say(
            f"The run was begun with {shares} shares, which {crew.workers} workers cannot divide: from now on there "
            f"are {crew.workers}, and the faces come in another order."
        )
        shares = crew.workers
    return dataclasses.replace(config, shares=shares)


def _warn_of_slow_dtype(dtype: str, say: Callable[[str], None]) -> None:
    if dtype == "float32" or tf.config.list_physical_devices("GPU"):
        return
    if dtype == "mixed_float16" or not bfloat16_is_fast():
        say(
            f"This processor has no fast instructions for {dtype.removeprefix('mixed_')} (for bfloat16 these are "
            "AVX-512 BF16 and AMX); float32, the default of --dtype, is several times faster here."
        )


class _EpochMonitor(keras.callbacks.Callback):
    """Stops training if the loss is not finite, and prints the progress of the epoch every ten seconds."""

    def __init__(self, epoch: int, epochs: int, steps: int, quiet: bool) -> None:
        super().__init__()
        self.epoch, self.epochs, self.steps, self.quiet = epoch, epochs, steps, quiet
        self.started = self.last_line = self.last_step = time.monotonic()

    @property
    def steps_a_second(self) -> float | None:
        """The speed of the training steps behind the first; None with one step."""
        return (self.steps - 1) / (self.last_step - self.started) if self.steps > 1 else None

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Checks the mean loss of the epoch, which is NaN from the first NaN batch on."""
        _check_finite("loss", logs["loss"], f"epoch {self.epoch + 1}, step {batch + 1}")
        self.last_step = now = time.monotonic()
        if batch == 0:  # the first step includes the tracing of the graph, so it is not counted
            self.started = now
        if now - self.last_line >= SECONDS_BETWEEN_LINES and not self.quiet:
            self.last_line = now
            line = f"  epoch {self.epoch + 1}/{self.epochs}, step {batch + 1}/{self.steps}: loss {logs['loss']:.4f}"
            if batch:
                left = (now - self.started) / batch * (self.steps * (self.epochs - self.epoch) - batch - 1)
                line += f", about {duration(left)} left"
            print(line, flush=True)


def _epoch(
    config: TrainConfig,
    model: Classifier,
    teacher: keras.Model | None,
    epoch: int,
    validation: tuple[tf.data.Dataset | tf.distribute.DistributedDataset, int],
    steps: int,
    crew: distribution.Crew,
    run: Path,
) -> tuple[dict[str, float], float | None]:
    """The logs of an epoch, and how many steps a second there were."""
    model.optimizer.learning_rate = config.learning_rate_at(epoch)
    part = crew.part(config.shares or 1)
    pieces = data.training_epoch(config, model, epoch, extra=("keypoints",) if teacher else (), part=part)
    if teacher is not None:
        pieces = distillation.with_answers(pieces, teacher)
    monitor = _EpochMonitor(epoch, config.schedule.epochs, steps, quiet=not crew.is_chief)
    with shards.naming_the_shard(config.records), distribution.naming_the_loss(crew, run):
        history = model.fit(
            crew.distributed(pieces),
            steps_per_epoch=steps if crew.strategy else None,  # Keras would count the replicas' pieces
            validation_data=validation[0],
            validation_steps=validation[1] if crew.strategy else None,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
            callbacks=[monitor],
        )
        x, y = next(iter(pieces))
    logs = {name: float(values[-1]) for name, values in history.history.items()}
    logs |= {f"gradient_norm/{term}": float(norm) for term, norm in model.gradient_norms(x, y).items()}
    for name, value in logs.items():
        _check_finite(name, value, f"epoch {epoch + 1}")
    return {**logs, "learning_rate": config.learning_rate_at(epoch)}, monitor.steps_a_second


def _check_finite(name: str, value: float, when: str) -> None:
    if not np.isfinite(value):
        raise TrainingDiverged(
            f"The {name} became {value} in {when}. The state of the last whole epoch is kept. Try a lower "
            "--learning-rate, or --dtype float32 if it was mixed_bfloat16."
        )


def _load_model(path: Path, config: TrainConfig) -> Classifier:
    """Loads a model of the state folder with its optimizer; raises `DataError` if it is damaged or of another run."""
    try:
        model = load_detector(path, for_training=True)
        if not model.compiled:
            raise ModelError(f"{path} holds no optimizer.")
    except ModelError as error:
        raise DataError(f"{error} To start this run again, remove {path.parent}.") from error
    runs.check_detector(path, model, config)
    return model


def _count(config: TrainConfig, split: str) -> int:
    return shards.count([place(folder) for folder in config.records], split, config.compressions, config.without)


def _calibrate(config: TrainConfig, model: Classifier, say) -> None:
    """Fits scale and bias on the validation split and sets them in the model."""
    model_logits = keras.Model(model.input, model.output["logit"])
    logits, labels = [], []
    with shards.naming_the_shard(config.records):
        for x, y in data.validation(config, model):
            logits.append(model_logits(x, training=False).numpy()[:, 0])
            labels.append(y["label"].numpy())
    logits, labels = np.concatenate(logits), np.concatenate(labels)
    if len(np.unique(labels)) < 2:
        say("The validation split holds one class only: the probabilities are not calibrated.")
        return
    fitted = calibration.fit_platt(labels, logits)
    model.calibration = fitted
    before, after = (
        calibration.reliability(labels, platt.probability(logits))["ece"] for platt in (calibration.Platt(), fitted)
    )
    say(
        f"Calibrated on the validation split: probability = sigmoid({fitted.scale:.3g} * logit {fitted.bias:+.3g}); "
        f"expected calibration error {before:.3f} before, {after:.3f} after."
    )


def _publish(run: Path, progress: state.State, model: Classifier) -> None:
    """Writes the best model and the history into the run folder, each complete or not at all."""
    write_json(run / runs.HISTORY_FILE, progress.history)
    with atomic_file(run / runs.MODEL_FILE) as temporary:
        model.save(temporary)


def _to_tensorboard(folder: Path, logs: dict[str, float], epoch: int) -> None:
    """Writes the scalars of an epoch for TensorBoard; training and validation are two curves of one chart."""
    try:
        for part in ("train", "validation"):
            with tf.summary.create_file_writer(str(folder / part)).as_default():
                for name, value in logs.items():
                    if name.startswith("val_") == (part == "validation"):
                        tf.summary.scalar(name.removeprefix("val_"), value, step=epoch + 1)
    except tf.errors.OpError as error:
        raise DataError(
            f"{folder} cannot be written ({error.message.splitlines()[0]}). Make room or get access, and run the same "
            "command again."
        ) from error
