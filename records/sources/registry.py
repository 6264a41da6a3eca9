"""The data sets that can be read, by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from pathlib import Path

import click

from experiments.cli.many_values import several
from records.errors import DataError
from records.sources import deepfaketimit, ffpp, folder
from records.sources.clip import Found
from records.sources.ffpp_names import METHODS
from records.sources.options import SOURCES, SourceOptions

FIND_CLIPS: dict[str, Callable[..., Found]] = {
    "ffpp": ffpp.find_clips,
    "deepfaketimit": deepfaketimit.find_clips,
    "folder": folder.find_clips,
}
FOLDER = click.Path(file_okay=False, path_type=Path)


def find(root: Path, options: SourceOptions) -> Found:
    """What a folder holds, by the source that `options` name.

    Args:
        root: folder of the data set.
        options: of which those that were given must be parameters of that source's `find_clips`.

    Raises:
        DataError: an option that this source does not take, and whatever is wrong with the folder.
    """
    given = {
        field.name: getattr(options, field.name)
        for field in dataclasses.fields(options)
        if field.name != "source" and getattr(options, field.name) is not None
    }
    for name in given:
        takers = [
            source for source, find_clips in FIND_CLIPS.items() if name in inspect.signature(find_clips).parameters
        ]
        if options.source not in takers:
            raise DataError(
                f"--{name.replace('_', '-')} is for --source {' or '.join(takers)}; --source {options.source} does not "
                "take it."
            )
    try:
        return FIND_CLIPS[options.source](root, **given)
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
        several("--methods", choices=METHODS, help="ffpp only.  [default: all there but DeepFakeDetection]"),
        click.option("--twins", type=FOLDER, help="deepfaketimit: folder of VidTIMIT.  [default: in or beside ROOT]"),
        click.option(
            "--equalise/--no-equalise",
            default=None,
            help="deepfaketimit: encode originals like the fakes; else the codec tells the label.  [default: equalise]",
        ),
        several("--classes", help="folder: names of the two folders, the real one first.  [default: real fake]"),
        click.option(
            "--csv",
            type=click.Path(dir_okay=False, path_type=Path),
            help="folder: table with path, label and, where known, method, subject, split, twin.",
        ),
        click.option("--dataset", help="First part of the videos' ids; builds trained on together need their own."),
        click.option("--seed", type=int, help="Of splits that are drawn.  [default: 0]"),
        click.option("--follow-links", is_flag=True, help="Accept links that lead out of ROOT."),
    )
    for option in reversed(options):
        command = option(command)
    return command
