"""Trains a detector or baseline with Keras `fit`, epoch by epoch; a run that was killed resumes to the same result."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from experiments import beginnings, data, distillation, distribution, runs, state
from experiments.config import TrainConfig
from experiments.machines_config import MachinesConfig
from experiments.processor import bfloat16_is_fast
from records import shards
from records.atomic import MARK, atomic_file, locked, write_json
from records.errors import DataError
from records.progress import SECONDS_BETWEEN_LINES, duration
from tfafsr import Classifier, ModelError, calibration, load_detector

SELECTION = "val_auc"
SHOWN = 12  # characters of a content hash in a message


class TrainingDiverged(DataError):
    """The loss became NaN or infinite."""


def train(
    config: TrainConfig, run: Path, say: Callable[[str], None] = print, machines: MachinesConfig = MachinesConfig()
) -> dict[str, float] | None:
    """Trains until the schedule's last epoch and leaves the model with the best validation AUC in `run`.

    Args:
        config: the options of the run.
        run: the run folder; an interrupted run in it with the same options and records is continued after its last
            complete epoch. Several workers share one folder, in which the chief alone writes.
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
        if crew.is_chief:
            stack.enter_context(locked(run, "training in"))
        else:
            say = _say_nothing
            run.mkdir(parents=True, exist_ok=True)
        stack.enter_context(distribution.naming_the_loss(crew, run))
        found = _prepare(config, run)
        return _train(config, run, found, crew, machines.jit, say)


def _say_nothing(line: str) -> None:
    """What the workers print that are not the chief."""


@dataclasses.dataclass(frozen=True)
class _Found:
    """What a run's records and its beginning hold: see `runs.save_people` and `runs.save_config`."""

    people: runs.People
    content: tuple[str, ...]
    methods: list[str] | None

    def save(self, config: TrainConfig, run: Path) -> None:
        """Writes it and the options into the run folder."""
        runs.save_people(run, self.people)
        runs.save_config(run, config, self.content, self.methods)


def _train(
    config: TrainConfig, run: Path, found: _Found, crew: distribution.Crew, jit: bool, say: Callable[[str], None]
) -> dict[str, float] | None:
    given = config = _with_shares(config, run, crew, say)
    config = beginnings.with_own_rate(config)
    epochs = config.schedule.epochs
    keras.utils.set_random_seed(config.seed)
    before = state.newest(run)
    with crew.scope():
        if before is None:
            progress = state.State()
            model = beginnings.new_model(config)
        else:
            progress = state.load(before)
            model = _load_model(before / state.MODEL, config)
    model.jit_compile = jit
    crew.check_agreement({"the epoch": str(progress.epoch), "the options and records": f"{given} {found.content}"})
    if before and progress.epoch < epochs:
        say(f"Resuming {run}: {progress.epoch} of {epochs} epochs are done.")
    if crew.is_chief:
        found.save(given, run)  # after the model, so that a beginning that fails leaves nothing
    if config.without:
        say(f"Left out: {', '.join(config.without)}.")
    burst = data.burst_of(model)
    steps, batch = data.steps_per_epoch(config, burst)
    crew.check_batch(config, batch)
    say(
        f"{model.count_params() / 1e6:.1f} M parameters; {steps} steps of {batch} "
        f"{'faces' if burst == 1 else f'bursts of {burst} faces'} an epoch; "
        f"validation on {_count(config, 'val')} faces."
    )
    if config.dtype.startswith("mixed_") and not tf.config.list_physical_devices("GPU"):
        if config.dtype == "mixed_float16" or not bfloat16_is_fast():
            say(
                f"This processor has no fast instructions for {config.dtype.removeprefix('mixed_')}; float32, the "
                "default of --dtype, is several times faster here."
            )
    teacher = distillation.teacher(config, model)
    if teacher is not None:
        model.learn_from_a_teacher(config.distil_weight)
    part = crew.part(config.shares or 1)
    whole = data.validation(config, model)
    validation = crew.distributed(lambda: data.validation(config, model, part=part)), int(whole.cardinality())
    started, first = time.monotonic(), progress.epoch
    for epoch in range(progress.epoch, epochs):
        logs = _epoch(config, model, teacher, epoch, validation, steps, crew)
        best = progress.finished_epoch(logs, logs[SELECTION])
        if crew.is_chief:
            state.save(run, progress, model, best)
            _to_tensorboard(run / runs.LOG_FOLDER, logs, epoch)
        left = (time.monotonic() - started) / (epoch + 1 - first) * (epochs - epoch - 1)
        say(
            f"epoch {epoch + 1}/{epochs}  loss {logs['loss']:.4f}  val loss {logs['val_loss']:.4f}  "
            f"AUC {logs['auc']:.3f}  val AUC {logs[SELECTION]:.3f}{' (best)' if best else ''}  "
            f"about {duration(left)} left"
        )
    if not crew.is_chief:
        return None
    model = _load_model(state.newest(run) / state.BEST, config)
    _calibrate(config, model, say)
    _publish(run, progress, model)
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
            f"{run} was begun with {shares} shares, which {crew.workers} workers cannot divide: from now on there are "
            f"{crew.workers}, and the faces come in another order."
        )
        shares = crew.workers
    return dataclasses.replace(config, shares=shares)


class _EpochMonitor(keras.callbacks.Callback):
    """Stops training if the loss is not finite, and prints the progress of the epoch every ten seconds."""

    def __init__(self, epoch: int, epochs: int, steps: int, quiet: bool) -> None:
        super().__init__()
        self.epoch, self.epochs, self.steps, self.quiet = epoch, epochs, steps, quiet
        self.started = self.last_line = time.monotonic()

    def on_train_batch_end(self, batch: int, logs: dict | None = None) -> None:
        """Checks the mean loss of the epoch, which is NaN from the first NaN batch on."""
        _check_finite("loss", logs["loss"], f"epoch {self.epoch + 1}, step {batch + 1}")
        now = time.monotonic()
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
) -> dict[str, float]:
    model.optimizer.learning_rate = config.learning_rate_at(epoch)
    part = crew.part(config.shares or 1)

    def pieces() -> tf.data.Dataset:
        if teacher is None:
            return data.training_epoch(config, model, epoch, part=part)
        return distillation.with_answers(
            data.training_epoch(config, model, epoch, extra=("keypoints",), part=part), teacher
        )

    with shards.naming_the_shard(config.records):
        history = model.fit(
            crew.distributed(pieces),
            steps_per_epoch=steps if crew.strategy else None,  # Keras would count the replicas' pieces
            validation_data=validation[0],
            validation_steps=validation[1] if crew.strategy else None,
            initial_epoch=epoch,
            epochs=epoch + 1,
            shuffle=False,
            verbose=0,
            callbacks=[_EpochMonitor(epoch, config.schedule.epochs, steps, quiet=not crew.is_chief)],
        )
        x, y = next(iter(pieces()))
    logs = {name: float(values[-1]) for name, values in history.history.items()}
    logs |= {f"gradient_norm/{term}": float(norm) for term, norm in model.gradient_norms(x, y).items()}
    for name, value in logs.items():
        _check_finite(name, value, f"epoch {epoch + 1}")
    return {**logs, "learning_rate": config.learning_rate_at(epoch)}


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


def _prepare(config: TrainConfig, run: Path) -> _Found:
    """Checks the options, the records and the run folder."""
    beginnings.check_fakes(config)
    manifests = {folder: shards.Manifest.load(Path(folder)) for folder in config.records}
    _check_videos(manifests)
    for split in ("train", "val"):
        for compression in config.compressions:
            if not shards.count([Path(folder) for folder in config.records], split, compression):
                raise DataError(
                    f"The records {', '.join(config.records)} hold no {compression} faces of the split {split!r}; "
                    "`tfafsr inspect` lists what they hold."
                )
    methods = _methods(config)
    people = runs.people_in(manifests.values())
    for one, other in (("train", "val"), ("train", "test"), ("val", "test")):
        if shared := people.get(one, set()) & people.get(other, set()):
            raise DataError(
                f"{len(shared)} people are in the splits {one} and {other}, {min(shared)[1]!r} among them; build the "
                "records from splits that share nobody."
            )
    earlier, earlier_methods = beginnings.known_before(config, run)
    _check_strangers("--weights", config.weights, earlier, people)
    if config.distil:
        taught, taught_methods = beginnings.known_to(Path(config.distil))
        _check_strangers("--distil", config.distil, taught, people)
        earlier = {split: earlier.get(split, set()) | taught.get(split, set()) for split in ("train", "val")}
        unknown = earlier_methods is None or taught_methods is None
        earlier_methods = None if unknown else [*earlier_methods, *taught_methods]
    content = tuple(manifest.content_hash for manifest in manifests.values())
    _check_run(config, content, run)
    known_people = {split: people[split] | earlier.get(split, set()) for split in ("train", "val")}
    seen = [] if beginnings.makes_its_fakes(config) else methods
    known_methods = None if earlier_methods is None else sorted({*seen, *earlier_methods})
    return _Found(known_people, content, known_methods)


def _check_strangers(option: str, run: str | None, earlier: runs.People, people: runs.People) -> None:
    """Raises `DataError` if people who are to be strangers are known to the run of an option."""
    for known, split in (("train", "val"), ("train", "test"), ("val", "test")):
        if shared := earlier.get(known, set()) & people.get(split, set()):
            raise DataError(
                f"{option}: {len(shared)} people of the split {split} are in the split {known} with which {run} was "
                f"trained, {min(shared)[1]!r} among them: the figures would mean nothing."
            )


def _methods(config: TrainConfig) -> list[str]:
    """The methods that the run is trained on, in alphabetical order.

    Raises:
        DataError: a method that is to be left out is not in the records, or none remains.
    """
    present = {split: data.methods_held(config, split) for split in ("train", "val")}
    known = present["train"] | present["val"]
    if unknown := [method for method in config.without if method not in known]:
        raise DataError(
            f"--leave-out: the records {', '.join(config.records)} hold no method {unknown[0]!r} for training; they "
            f"hold {', '.join(sorted(known)) or 'none'}."
        )
    for split, methods in present.items():
        if config.without and not methods - set(config.without):
            raise DataError(f"--leave-out leaves no fakes in the split {split!r}; leave out fewer methods.")
    return sorted(present["train"] - set(config.without))


def _check_videos(manifests: dict[str, shards.Manifest]) -> None:
    """Raises `DataError` if two records folders hold a video of the same id."""
    holders: dict[str, str] = {}
    for folder, manifest in manifests.items():
        for video in manifest.clips:
            if holders.setdefault(video, folder) != folder:
                raise DataError(
                    f"{holders[video]} and {folder} both hold {video}. If these are two videos, build one of them with "
                    "another --dataset; if they are one, give only one of the two folders."
                )


def _check_run(config: TrainConfig, content: tuple[str, ...], run: Path) -> None:
    """Raises `DataError` if the folder holds another run, or files of something else."""
    if (run / runs.CONFIG_FILE).exists():
        earlier = runs.load_config(run)
        if differences := config.differences(earlier):
            raise DataError(
                f"{run} holds a run with other options ({'; '.join(differences)}); give another --out, or the same "
                "options to resume it."
            )
        if (before := runs.records_content(run)) != content:
            raise DataError(
                f"{run} holds a run on records with other content: {_with_hashes(config.records, content)} here, "
                f"{_with_hashes(earlier.records, before)} there; give another --out, or the same records to resume it."
            )
    elif any(MARK not in path.name and path.name != runs.PEOPLE_FILE for path in run.iterdir()):
        raise DataError(f"{run} is not empty and holds no run; give another --out.")


def _with_hashes(records: tuple[str, ...], content: tuple[str, ...]) -> str:
    """The records folders, each with the first characters of its content hash."""
    return ", ".join(f"{folder} ({digest[:SHOWN]})" for folder, digest in zip(records, content, strict=False))


def _count(config: TrainConfig, split: str) -> int:
    return shards.count([Path(folder) for folder in config.records], split, config.compressions, config.without)


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
