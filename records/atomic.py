"""Writes files and folders atomically (they are complete or absent), and locks a folder against a second process."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import secrets
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from records.errors import DataError

MARK = ".tmp-"  # part of every temporary name
ABANDONED_AFTER = 3600.0  # seconds; an older temporary file was left by a killed process and is removed


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the same folder; at the end of the block, that file is flushed and renamed to `path`.

    The temporary name has the same suffix, because some writers choose the format by it. If the block raises, the
    temporary file is removed and an existing `path` stays unchanged.

    Raises:
        DataError: the file or its folder cannot be written: a full disk, no permission.
    """
    temporary = _temporary(path)
    try:
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(path)
            yield temporary
            _flush(temporary)
            os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty temporary folder to fill; at the end of the block, its files are flushed and it becomes `path`.

    If the block raises, the temporary folder is removed. `path` must not exist, or be an empty folder.

    Raises:
        DataError: as in `atomic_file`; or `path` exists already.
    """
    temporary = _temporary(path)
    try:
        with _explained(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_abandoned(path)
            temporary.mkdir()
            yield temporary
            for file in temporary.rglob("*"):
                if file.is_file():
                    _flush(file)
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise DataError(f"{path} is there already; give another name, or remove it.")
            os.rename(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Writes a UTF-8 file atomically; raises `DataError` as `atomic_file` does."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object, indent: int | None = 2, sort_keys: bool = False) -> None:
    """Writes a JSON file atomically; raises `DataError` as `atomic_file` does, and `ValueError` for NaN."""
    write_text(path, json.dumps(value, indent=indent, sort_keys=sort_keys, allow_nan=False) + "\n")


@contextlib.contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Locks `folder` (made if missing) against other processes, if its file system supports that.

    The operating system releases the lock when the process ends or is killed.

    Args:
        folder: the folder to write into.
        doing: what the process does there, for the message: `building into`, `training in`.

    Raises:
        DataError: another process holds the lock, or the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{folder} cannot be made a folder ({error.strerror}); give another --out.") from error
    if fcntl is None:
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise DataError(
                f"Another process is {doing} {folder}; wait until it ends, or give another --out."
            ) from error
        except OSError:  # some network file systems do not lock folders
            pass
        yield
    finally:
        os.close(handle)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turns a writer's error about a full disk or a missing permission into a `DataError` that names `path`."""
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    except Exception as error:  # TensorFlow and HDF5 raise their own exceptions, with the system's words
        for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            if (reason := os.strerror(number)) in str(error):
                raise _cannot_write(path, reason) from error
        raise


def _cannot_write(path: Path, reason: str) -> DataError:
    return DataError(f"{path} cannot be written ({reason}). Make room or get access, and run the same command again.")


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}{MARK}{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


def _remove_abandoned(path: Path) -> None:
    for temporary in path.parent.glob(f".{_escaped(path.stem)}{MARK}*{_escaped(path.suffix)}"):
        with contextlib.suppress(OSError):
            if time.time() - temporary.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(temporary) if temporary.is_dir() else temporary.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _flush(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
