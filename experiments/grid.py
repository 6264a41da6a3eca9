"""Several runs, one after the other: each is trained and tested, and what is finished is kept."""

from __future__ import annotations

import dataclasses
import glob
import importlib.metadata
import json
import platform
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import keras

from experiments import beginnings, data, runs, training
from experiments.config import TrainConfig
from experiments.evaluation import evaluate
from experiments.version import version
from records import shards
from records.atomic import write_json
from records.errors import DataError
from records.shards import from_json

SPLIT = "test"
MEASURED = "measured"
SHOWN = 12  # characters of a content hash in a file's name
PACKAGES = ("tensorflow", "keras", "numpy")
Say = Callable[[str], None]


@dataclasses.dataclass(frozen=True)
class Place:
    """Faces that runs are tested on: the test split of records at a compression."""

    records: str
    compression: str


@dataclasses.dataclass(frozen=True)
class Job:
    """A run, and where it is tested.

    Attributes:
        config: the options of the run.
        places: where it is tested.
        sides: sides in pixels to which the faces are shrunk, as in `experiments.evaluation.evaluate`.
    """

    config: TrainConfig
    places: tuple[Place, ...]
    sides: tuple[int, ...] = ()


@dataclasses.dataclass(frozen=True)
class Trained:
    """A finished run.

    Attributes:
        config: its options.
        content: the content hash of each folder of records that it was trained on.
        parameters: the number of its parameters.
        seconds: the time that training took; None if it was interrupted.
        versions: what it was made with: tfafsr, Python, TensorFlow, Keras, NumPy, and the machine.
        faces: faces that it saw in all its epochs, repeated ones counted each time; None in files of older versions.
        learning_rate: the learning rate of its first epoch, likewise.
    """

    config: TrainConfig
    content: tuple[str, ...]
    parameters: int
    seconds: float | None
    versions: dict[str, str]
    faces: int | None = None
    learning_rate: float | None = None


@dataclasses.dataclass(frozen=True)
class Measured:
    """A finished run and the metrics of each place where it was tested, as `evaluate` returns them."""

    trained: Trained
    metrics: dict[Place, dict]


class RunsFailed(DataError):
    """Some runs failed; `measured` holds the others, as `train_and_test` returns them."""

    def __init__(self, message: str, measured: dict[str, Measured]) -> None:
        super().__init__(message)
        self.measured = measured


def test_places(folders: tuple[str, ...], compressions: tuple[str, ...]) -> tuple[Place, ...]:
    """The places of these folders and compressions that hold faces to test on.

    Raises:
        DataError: a folder holds none.
    """
    return tuple(
        Place(folder, compression)
        for folder in folders
        for compression in shards.held(Path(folder), SPLIT, compressions)
    )


def train_and_test(jobs: Mapping[str, Job], out: Path, say: Say = print) -> dict[str, Measured]:
    """Trains each run and tests it on people never seen; the caller holds the lock of `out`.

    Args:
        jobs: name -> run; the name is that of its folder.
        out: folder of the runs, and of `measured/`, which holds their metrics and score tables. What was finished there
            with the same options and records is not done again.
        say: function that prints one line.

    Returns:
        Name -> what was measured, in the order of `jobs`.

    Raises:
        DataError: a file in `out`/measured is damaged, or `out` holds runs of these names with other options; nothing
            is trained then.
        RunsFailed: runs failed as `training.train` and `evaluation.evaluate` do: the message tells each one's reason,
            after all others are done.
    """
    hashes = {
        folder: shards.Manifest.load(Path(folder)).content_hash
        for job in jobs.values()
        for folder in (*job.config.records, *(place.records for place in job.places))
    }
    trained = {name: _trained(out, name, job, hashes) for name, job in jobs.items()}
    _check_begun(out, {name: job.config for name, job in jobs.items() if trained[name] is None})
    tested = {
        name: {place: _tested(out, name, hashes[place.records], place, job.sides) for place in job.places}
        for name, job in jobs.items()
    }
    done = [name for name in jobs if trained[name] and all(tested[name].values())]
    if any(trained.values()):
        say(f"Resuming {out}: {len(done)} of {len(jobs)} runs are done.")
    failed: dict[str, str] = {}
    for number, (name, job) in enumerate(jobs.items(), 1):
        if name in done:
            continue
        say(f"Run {number} of {len(jobs)}: {name}")
        try:
            if trained[name] is None:
                trained[name] = _train(out, name, job, hashes, say)
                tested[name] = dict.fromkeys(job.places)
            for place, metrics in tested[name].items():
                if metrics is None:
                    path = _metrics_path(out, name, hashes[place.records], place.compression)
                    found = evaluate(out / name, Path(place.records), place.compression, SPLIT, path, job.sides)
                    tested[name][place] = found
        except DataError as error:
            say(f"{name} failed: {error}")
            failed[name] = str(error)
        keras.backend.clear_session()  # the memory of a hundred networks
    measured = {name: Measured(trained[name], tested[name]) for name in jobs if name not in failed}
    if failed:
        reasons = " ".join(f"{name}: {reason}" for name, reason in failed.items())
        raise RunsFailed(
            f"{len(failed)} of {len(jobs)} runs failed; the others are kept. After mending it, run the same command "
            f"again. {reasons}",
            measured,
        )
    return measured


def frames_table(out: Path, name: str, metrics: dict) -> Path:
    """The score table of a run's frames at one place, whose metrics are given."""
    return _metrics_path(out, name, metrics["records_content"], metrics["compression"]).with_suffix(".frames.csv")


def _check_begun(out: Path, configs: Mapping[str, TrainConfig]) -> None:
    """Raises `DataError` if a run was begun with other options: several tables share runs, and must give the same."""
    for name, config in configs.items():
        if not (out / name / runs.CONFIG_FILE).exists():
            continue
        before = runs.load_config(out / name)
        differences = config.differences(before)
        if config.schedule.epochs != before.schedule.epochs:
            differences.append(f"epochs: {config.schedule.epochs}, there {before.schedule.epochs}")
        if differences:
            raise DataError(
                f"{out / name} is a run with other options ({'; '.join(differences)}). Give the options of the command "
                "that began it, or another folder for the runs."
            )


def _train(out: Path, name: str, job: Job, hashes: Mapping[str, str], say: Say) -> Trained:
    """Trains one run; metrics of an earlier one with its name are removed."""
    begun = (out / name / runs.CONFIG_FILE).exists()
    if not begun:
        for stale in (out / MEASURED).glob(f"{glob.escape(name)}-{'[0-9a-f]' * SHOWN}-*.metrics.*"):
            stale.unlink()
    started = time.monotonic()
    training.train(job.config, out / name, say)
    burst = runs.method_class(job.config.method).BURST
    steps, batch = data.steps_per_epoch(job.config, burst)
    trained = Trained(
        config=job.config,
        content=tuple(hashes[folder] for folder in job.config.records),
        parameters=runs.load_detector(out / name).count_params(),
        seconds=None if begun else round(time.monotonic() - started, 1),
        versions=_versions(),
        faces=job.config.schedule.epochs * steps * batch * burst,
        learning_rate=beginnings.with_own_rate(job.config).schedule.learning_rate,
    )
    write_json(_path(out, name), dataclasses.asdict(trained))
    return trained


def _trained(out: Path, name: str, job: Job, hashes: Mapping[str, str]) -> Trained | None:
    """What is known of a finished run with the same options on the same records, or None."""
    found = _read(_path(out, name))
    if found is None:
        return None
    try:
        trained = from_json(Trained, found)
    except ValueError as error:
        raise _damaged(_path(out, name), error) from error
    same = not job.config.differences(trained.config) and job.config.schedule == trained.config.schedule
    return trained if same and trained.content == tuple(hashes[folder] for folder in job.config.records) else None


def _tested(out: Path, name: str, content: str, place: Place, sides: tuple[int, ...]) -> dict | None:
    """The metrics of a run at a place, or None where they are missing or lack a size of the faces."""
    path = _metrics_path(out, name, content, place.compression)
    metrics = _read(path)
    if metrics is None:
        return None
    try:
        here = (metrics["records_content"], metrics["compression"]) == (content, place.compression)
        return metrics if here and {part["side"] for part in metrics.get("sizes", ())} >= set(sides) else None
    except (KeyError, TypeError) as error:
        raise _damaged(path, error) from error


def _read(path: Path) -> object:
    """The content of a JSON file, or None if there is none."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is damaged ({error}); remove it and run the command again.")


def _path(out: Path, name: str) -> Path:
    return out / MEASURED / f"{name}.json"


def _metrics_path(out: Path, name: str, content: str, compression: str) -> Path:
    return out / MEASURED / f"{name}-{content[:SHOWN]}-{compression}.metrics.json"


def _versions() -> dict[str, str]:
    return {
        "tfafsr": version(),
        "python": platform.python_version(),
        **{package: importlib.metadata.version(package) for package in PACKAGES},
        "machine": platform.machine(),
    }
