"""Reads and writes the files of a run folder; every value that is read is checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.config import TFAFSR, TrainConfig
from records.atomic import write_json
from records.errors import DataError
from records.shards import Manifest, from_json

if TYPE_CHECKING:  # importing it loads TensorFlow, which takes seconds and is not needed to read a configuration
    from tfafsr import Classifier

CONFIG_FILE, MODEL_FILE, HISTORY_FILE, PEOPLE_FILE = "config.json", "model.keras", "history.json", "people.json"
LEFT_OUT_FILE = "leave-one-out.json"  # in the run with all methods of `experiments.leave_one_out`
LOG_FOLDER = "tensorboard"
CONTENT, METHODS = "records_content", "trained_methods"  # keys of config.json beside the options
MAX_BYTES = 2**28
People = dict[str, set[tuple[str, str]]]  # split -> (dataset, subject)


def save_config(run: Path, config: TrainConfig, content: Sequence[str], methods: Sequence[str] | None) -> None:
    """Writes `config.json`: the options and what they found.

    Args:
        run: the run folder.
        config: the options.
        content: the content hash of each records folder, in the order of the options.
        methods: the manipulation methods that the run is trained on; None if it is not known.
    """
    found = {CONTENT: list(content), METHODS: None if methods is None else list(methods)}
    write_json(run / CONFIG_FILE, {**dataclasses.asdict(config), **found}, sort_keys=True)


def load_config(run: Path) -> TrainConfig:
    """The options of a run; raises `DataError` if the folder holds no run, or a value is missing or out of range."""
    return _load(run)[0]


def records_content(run: Path) -> tuple[str, ...]:
    """The content hashes of the records of a run; raises `DataError` as `load_config` does."""
    return _load(run)[1]


def untrained(run: Path, methods: Iterable[str]) -> list[str]:
    """Those of the manipulation methods that a run was not trained on, in alphabetical order.

    Runs of earlier versions do not say on which methods they were trained; they left none out. Of weights and models
    without a run folder it is not known: none is named.

    Raises:
        DataError: as in `load_config`.
    """
    if _alone(run):
        return []
    trained = _load(run)[2]
    return sorted(set(methods) - set(methods if trained is None else trained))


def methods_of(run: Path) -> list[str] | None:
    """The manipulation methods that a run was trained on; None for a run of an earlier version, which does not say."""
    found = _load(run)[2]
    return None if found is None else list(found)


def trained_on(run: Path) -> str:
    """The first of the compressions that a run was trained on.

    Raises:
        DataError: as in `load_config`; or `run` is a file.
    """
    if _alone(run):
        raise DataError(f"{run} does not say at which compression it was trained; give --compression raw, c23 or c40.")
    return load_config(run).compressions[0]


def model_file(run: Path) -> Path:
    """The `.keras` file of a run folder, or `run` itself if it is not a folder."""
    return run / MODEL_FILE if run.is_dir() else run


def load_detector(run: Path) -> Classifier:
    """The detector, or the baseline, of a finished run, in float32.

    Args:
        run: a run folder of `tfafsr train`; a `.keras` file; the name of weights that ship with the package, such as
            photos-1; or a file of weights, `.npz`.

    Raises:
        DataError: the run is not finished, its model is damaged, or the model does not fit config.json.
    """
    from tfafsr import ModelError
    from tfafsr import load_detector as load
    from tfafsr.weights import WeightsError, read_weights

    if _ships(run) or run.suffix == ".npz":
        try:
            return read_weights(run).detector()
        except WeightsError as error:
            raise DataError(str(error)) from error
    path = model_file(run)
    if run.is_dir() and not path.exists():
        raise DataError(f"{path} does not exist; finish `tfafsr train --out {run}` first (it resumes by itself).")
    try:
        detector = load(path)
    except ModelError as error:
        raise DataError(str(error)) from error
    if run.is_dir():
        check_detector(path, detector, load_config(run))
    return detector


def method_class(method: str) -> type[Classifier]:
    """The class of a method, one of `experiments.config.METHODS`."""
    from tfafsr import Detector
    from tfafsr.baselines import baseline

    return Detector if method == TFAFSR else baseline(method)


def _alone(run: Path) -> bool:
    """Whether `run` is a model or weights without a run folder, which would say on what it was trained."""
    return run.is_file() or _ships(run)


def _ships(run: Path) -> bool:
    """Whether `run` is the name of weights that ship with the package."""
    from tfafsr.weights import SHIPPED

    return str(run) in SHIPPED and not run.exists()


def check_detector(path: Path, detector: Classifier, config: TrainConfig) -> None:
    """Raises `DataError` if the options of the detector, loaded from `path`, are not those of `config`."""
    from tfafsr.presets import preset

    expected = preset(config.preset, **config.detector.given())
    kind = method_class(config.method)
    if config.method != TFAFSR:
        expected = {"size": expected["size"], "input_size": config.input_size or kind.AUTHORS_SIZE}
    if type(detector) is not kind:
        raise DataError(
            f"{path} is the model of another run (a {type(detector).__name__}, in {CONFIG_FILE} {config.method}); "
            "copy the model of this run back, or train again into a new folder."
        )
    for name, value in expected.items():
        if detector.options[name] != value:
            raise DataError(
                f"{path} is the model of another run ({name}: {detector.options[name]}, in {CONFIG_FILE} {value}); "
                "copy the model of this run back, or train again into a new folder."
            )


def load_history(run: Path) -> list[dict[str, float]]:
    """Loss and metrics of each epoch of a finished run; raises `DataError` if they are missing or damaged."""
    path = run / HISTORY_FILE
    try:
        history = from_json(list[dict[str, float]], _read_json(path), "it")
        if not history or any(logs.keys() != history[0].keys() for logs in history):
            raise ValueError("it needs the same values for each epoch")
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} cannot be read ({error}); finish `tfafsr train --out {run}` first.") from error
    return history


def people_in(manifests: Iterable[Manifest]) -> People:
    """The people of each split; the same name in two data sets is two people."""
    people: People = {}
    for manifest in manifests:
        for video, clip in manifest.clips.items():
            dataset = video.partition("/")[0]
            people.setdefault(clip.split, set()).update((dataset, subject) for subject in clip.subjects)
    return people


def save_people(run: Path, people: People) -> None:
    """Writes `people.json`, the people that the run is trained and selected on; `evaluate` reads it."""
    write_json(run / PEOPLE_FILE, {split: sorted(people[split]) for split in ("train", "val")}, indent=None)


def load_people(run: Path) -> People | None:
    """The people that a run was trained (`train`) and selected (`val`) on; None for weights without a run folder.

    Raises:
        DataError: the file is missing or damaged.
    """
    if _alone(run):
        return None
    path = run / PEOPLE_FILE
    try:
        values = from_json(dict[str, list[list[str]]], _read_json(path), "it")
        people = {split: {(dataset, subject) for dataset, subject in values[split]} for split in ("train", "val")}
        if not people["train"] or not people["val"]:
            raise ValueError("a split has nobody")
    except FileNotFoundError as error:
        raise DataError(
            f"{run} does not say on which people it was trained (it has no {PEOPLE_FILE}): run the same `tfafsr train` "
            "command again, which writes it."
        ) from error
    except (OSError, ValueError, KeyError, RecursionError) as error:
        raise DataError(
            f"{path} is damaged ({error}); run the same `tfafsr train` command again, which writes it again."
        ) from error
    return people


def left_out(run: Path, content: str, compression: str, split: str) -> dict[str, dict] | None:
    """The AUC of each method when it was left out, for `evaluate` of the run with all methods.

    Args:
        run: a run folder.
        content: content hash of the records that are evaluated.
        compression, split: what is evaluated of them.

    Returns:
        Method -> {"frame", "video"}, results of `scoring.summary`; None if the run is not the one with all methods of
        `experiments.leave_one_out`, or was not tested on these records.

    Raises:
        DataError: the file in the run folder is damaged.
    """
    path = run / LEFT_OUT_FILE
    if not path.is_file():
        return None
    try:
        values = _read_json(path)
        found = {
            row["method"]: {level: dict(row["left_out"][level]) for level in ("frame", "video")}
            for row in values["rows"]
            if (row["records_content"], row["compression"], values["split"]) == (content, compression, split)
        }
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}); run `tfafsr leave-one-out` again, or remove it.") from error
    return found or None


def _load(run: Path) -> tuple[TrainConfig, tuple[str, ...], tuple[str, ...] | None]:
    """The options of a run, the hashes of its records and the methods in them."""
    path = run / CONFIG_FILE
    try:
        values = _read_json(path)
        if type(values) is not dict:
            raise ValueError("it must be an object")
        content = from_json(tuple[str, ...], values.pop(CONTENT, None), CONTENT)
        methods = from_json(tuple[str, ...] | None, values.pop(METHODS, None), METHODS)
        return from_json(TrainConfig, values), content, methods
    except FileNotFoundError:
        raise DataError(
            f"{run} is no run folder (it has no {CONFIG_FILE}); give the --out of `tfafsr train`."
        ) from None
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is damaged ({error}); train again into a new folder.") from error


def _read_json(path: Path) -> object:
    if path.exists() and not path.is_file():
        raise ValueError("it is no file")
    if path.stat().st_size > MAX_BYTES:
        raise ValueError(f"it is larger than {MAX_BYTES} bytes")
    return json.loads(path.read_text(encoding="utf-8"))
