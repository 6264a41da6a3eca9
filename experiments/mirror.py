"""A run folder at a URL such as gs://bucket/run: a local folder, fetched first and copied there after each epoch."""

from __future__ import annotations

import contextlib
import posixpath
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import tensorflow as tf

from experiments import runs, state
from records.atomic import MARK
from records.errors import DataError
from records.places import Place, Remote

FILES = tf.io.gfile
PAUSES = (1, 4, 16, 60)  # seconds before a copy that failed is tried again: the epoch would be lost


@contextlib.contextmanager
def local(run: Place) -> Iterator[tuple[Path, Callable[[], None]]]:
    """Yields a local folder for a run, and the function that copies what has changed in it to its place.

    What lies at the URL is complete at every moment: of a state, the file that makes it one is copied last, and the
    state before is removed only then. Nothing keeps a second process from writing to the same URL.

    Args:
        run: the run folder. A local one is yielded itself, and there is nothing to copy.

    Raises:
        DataError: the URL cannot be read or written; the message of every error inside names the URL instead of the
            local folder.
    """
    if isinstance(run, Path):
        yield run, lambda: None
        return
    with tempfile.TemporaryDirectory(prefix="tfafsr-run-") as temporary:
        folder = Path(temporary)
        try:
            with _explained(run):
                _fetch(run, folder)
            copied: dict[Path, tuple[int, int]] = {}
            yield folder, lambda: _push(folder, run, copied)
        except DataError as error:
            raise DataError(str(error).replace(temporary, str(run))) from error


def _fetch(run: Remote, folder: Path) -> None:
    """Copies the options and the newest whole state of a run into an empty folder."""
    try:
        FILES.stat(str(run))
    except tf.errors.NotFoundError:
        return
    for name in (runs.CONFIG_FILE, runs.PEOPLE_FILE):
        if (run / name).is_file():
            FILES.copy(str(run / name), str(folder / name))
    for found in sorted(_states(run), reverse=True):
        if (run / found / state.PROGRESS).is_file():
            (folder / found).mkdir()
            for name in (state.MODEL, state.BEST, state.PROGRESS):
                FILES.copy(str(run / found / name), str(folder / found / name))
            return


def _push(folder: Path, run: Remote, copied: dict[Path, tuple[int, int]]) -> None:
    """Copies each file that is new or has changed since `copied`, and removes states that are no more."""
    for pause in PAUSES:
        try:
            return _push_once(folder, run, copied)
        except (tf.errors.OpError, OSError):
            time.sleep(pause)
    with _explained(run):
        _push_once(folder, run, copied)


def _push_once(folder: Path, run: Remote, copied: dict[Path, tuple[int, int]]) -> None:
    for path in sorted((path for path in folder.rglob("*") if path.is_file()), key=_order):
        status = path.stat()
        stamp = status.st_size, status.st_mtime_ns
        if copied.get(path) != stamp:
            there = posixpath.join(str(run), path.relative_to(folder).as_posix())
            FILES.makedirs(posixpath.dirname(there))
            FILES.copy(str(path), f"{there}{MARK}", overwrite=True)
            FILES.rename(f"{there}{MARK}", there, overwrite=True)
            copied[path] = stamp
    for name in _states(run):
        if not (folder / name).exists():
            FILES.rmtree(str(run / name))


def _order(path: Path) -> tuple[bool, Path]:
    return path.name == state.PROGRESS, path


def _states(run: Remote) -> list[str]:
    """The names of the folders of states, also of those that are not whole."""
    names = (name.rstrip("/") for name in FILES.listdir(str(run)))
    return [name for name in names if name.startswith(state.PREFIX)]


@contextlib.contextmanager
def _explained(run: Remote) -> Iterator[None]:
    try:
        yield
    except (tf.errors.OpError, OSError) as error:
        raise DataError(
            f"{run} cannot be read or written ({' '.join(str(error).split())[:200]}). Get access, and run the same "
            "command again."
        ) from error
