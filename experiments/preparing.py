"""Checks the options, the records and the run folder of a training before it begins."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from experiments import beginnings, data, runs
from experiments.config import TrainConfig
from records import shards
from records.atomic import MARK
from records.errors import DataError
from records.places import place

SHOWN = 12  # characters of a content hash in a message


@dataclasses.dataclass(frozen=True)
class Found:
    """What a run's records and its beginning hold: see `runs.save_people` and `runs.save_config`."""

    people: runs.People
    content: tuple[str, ...]
    methods: list[str] | None

    def save(self, config: TrainConfig, run: Path) -> None:
        """Writes it and the options into the run folder."""
        runs.save_people(run, self.people)
        runs.save_config(run, config, self.content, self.methods)


def prepare(config: TrainConfig, run: Path) -> Found:
    """Checks the options, the records and the run folder."""
    beginnings.check_fakes(config)
    manifests = {folder: shards.Manifest.load(place(folder)) for folder in config.records}
    _check_videos(manifests)
    for split in ("train", "val"):
        for compression in config.compressions:
            if not shards.count([place(folder) for folder in config.records], split, compression):
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
    return Found(known_people, content, known_methods)


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
