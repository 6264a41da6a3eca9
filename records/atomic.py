"""Files and folders that are whole or not there, and the lock that keeps two processes out of one folder."""

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

MARK = ".tmp-"  # in the names of what is being written
ABANDONED = 3600.0  # seconds after which something unfinished was left by a process that was killed


@contextlib.contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Yields a temporary name beside `path` to write to; on leaving, the file is flushed to the disk and renamed.

    The temporary name has the same ending, since some writers choose the format by it. When the block raises, nothing
    is left and an earlier `path` stays as it is.

    Raises:
        DataError: the file cannot be written: a full disk, no permission, a missing folder that cannot be made.
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
    """Yields an empty temporary folder beside `path` to fill; on leaving, its files are flushed and it is renamed.

    When the block raises, nothing is left. `path` must not exist, or be an empty folder.

    Raises:
        DataError: as `atomic_file`; or `path` is there already.
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
    """Writes a UTF-8 file that is whole or not there; raises `DataError` as `atomic_file`."""
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: object, indent: int | None = 2, sort_keys: bool = False) -> None:
    """Writes a JSON file that is whole or not there; raises `DataError` as `atomic_file`, `ValueError` for NaN."""
    write_text(path, json.dumps(value, indent=indent, sort_keys=sort_keys, allow_nan=False) + "\n")


@contextlib.contextmanager
def locked(folder: Path, doing: str) -> Iterator[None]:
    """Keeps other processes out of `folder`, which is made if need be, where the file system has such locks.

    The lock is the system's own and ends with the process, however that ends.

    Args:
        folder: that one process may write into.
        doing: what it does there, for the message: `building into`, `training in`.

    Raises:
        DataError: another process is at it, or `folder` cannot be a folder.
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
    """Turns what a writer says of a full disk or a missing permission into a `DataError` that names `path`."""
    try:
        yield
    except DataError:
        raise
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    except Exception as error:  # TensorFlow and HDF5 raise errors of their own
        for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
            if (reason := os.strerror(number)) in str(error):
                raise _cannot_write(path, reason) from error
        raise


def _cannot_write(path: Path, reason: str) -> DataError:
    return DataError(f"{path} cannot be written ({reason}). Make room or get access, and run the same command again.")


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.stem}{MARK}{os.getpid()}-{secrets.token_hex(4)}{path.suffix}")


def _remove_abandoned(path: Path) -> None:
    for left in path.parent.glob(f".{_escaped(path.stem)}{MARK}*{_escaped(path.suffix)}"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > ABANDONED:
                shutil.rmtree(left) if left.is_dir() else left.unlink()


def _escaped(name: str) -> str:
    return "".join(f"[{character}]" if character in "*?[" else character for character in name)


def _flush(file: Path) -> None:
    with file.open("rb") as opened:
        os.fsync(opened.fileno())
