"""The data sets that can be read, by name, and the options that each of them takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import click

from experiments.cli.many_values import several
from records.errors import DataError
from records.sources import deepfaketimit, ffpp, folder
from records.sources.clip import Found

FOLDER = click.Path(file_okay=False, path_type=Path)
SOURCES: dict[str, Callable[..., Found]] = {
    "ffpp": ffpp.find_clips,
    "deepfaketimit": deepfaketimit.find_clips,
    "folder": folder.find_clips,
}
FLAGS = {"csv_path": "csv"}  # where a flag is not the parameter's name


def find(source: str, root: Path, **options: object) -> Found:
    """What `source` finds in `root`.

    Args:
        source: a key of SOURCES.
        root: folder of the data set.
        options: of `source_options`; None or False stands for not given.

    Raises:
        DataError: an option that this source does not take, and whatever is wrong with the folder.
    """
    takes = inspect.signature(SOURCES[source]).parameters
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in takes:
            flag = FLAGS.get(name, name).replace("_", "-")
            others = [
                other for other, find_clips in SOURCES.items() if name in inspect.signature(find_clips).parameters
            ]
            raise DataError(f"--{flag} is for --source {' or '.join(others)}; --source {source} does not take it.")
    try:
        return SOURCES[source](root, **given)
    except OSError as error:  # a folder; of a file that cannot be read the clip is left out, and the reason kept
        raise DataError(f"{error.filename} cannot be read ({error.strerror}); change its permissions.") from error


def source_options(command: Callable) -> Callable:
    """Decorates a `ManyValues` command with the options that name and choose the data."""
    options = (
        click.option(
            "--source",
            type=click.Choice(list(SOURCES)),
            default="ffpp",
            show_default=True,
            help="FaceForensics++, DeepfakeTIMIT with VidTIMIT, or a folder of your own.",
        ),
        click.option("--root", required=True, type=FOLDER, help="Folder of the data set."),
        click.option(
            "--splits",
            type=click.Path(path_type=Path),
            help="ffpp: folder with train.json, val.json and test.json, or DeepfakeBench's JSON.  [default: in ROOT]",
        ),
        several("--compressions", help="ffpp: raw c23 c40; deepfaketimit: lq hq; folder: one name.  [default: all]"),
        several("--methods", choices=ffpp.METHODS, help="ffpp only.  [default: all there but DeepFakeDetection]"),
        click.option("--twins", type=FOLDER, help="deepfaketimit: folder of VidTIMIT.  [default: in or beside ROOT]"),
        click.option(
            "--equalise/--no-equalise",
            default=None,
            help="deepfaketimit: encode originals like the fakes; else the codec tells the label.  [default: equalise]",
        ),
        several("--classes", help="folder: names of the two folders, the real one first.  [default: real fake]"),
        click.option(
            "--csv",
            "csv_path",
            type=click.Path(dir_okay=False, path_type=Path),
            help="folder: table with path, label and, where known, method, subject, split, twin.",
        ),
        click.option("--dataset", help="First part of the videos' ids; builds trained on together need their own."),
        click.option("--seed", type=int, help="Of splits that are drawn.  [default: 0]"),
        click.option("--follow-links", is_flag=True, default=None, help="Accept links that lead out of ROOT."),
    )
    for option in reversed(options):
        command = option(command)
    return command
