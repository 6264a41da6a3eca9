"""Folders and files by name: local paths, and URLs such as gs://bucket/records, which TensorFlow reads."""

from __future__ import annotations

import dataclasses
import io
import os
import re
import stat
from pathlib import Path
from types import SimpleNamespace

URL = re.compile(r"[a-z][a-z0-9+.-]*://")


def is_url(name: str | os.PathLike) -> bool:
    """Whether a name is a URL and no local path."""
    return URL.match(str(name)) is not None


def place(name: str | os.PathLike) -> Path | Remote:
    """The folder or file of a name: a `Path`, or a `Remote` for a URL."""
    return Remote(str(name).rstrip("/")) if is_url(name) else Path(name)


@dataclasses.dataclass(frozen=True, order=True)
class Remote:
    """A folder or file at a URL, with those methods of `Path` that readers of records need.

    `tf.io.gfile` knows gs:// by itself.
    """

    url: str

    def __truediv__(self, name: str) -> Remote:
        return Remote(f"{self.url}/{name}")

    def __str__(self) -> str:
        return self.url

    def is_file(self) -> bool:
        """Whether there is a file at the URL; raises `OSError` if it cannot be reached."""
        try:
            return stat.S_ISREG(self.stat().st_mode)
        except FileNotFoundError:
            return False

    def stat(self) -> SimpleNamespace:
        """`st_size` and `st_mode`.

        Raises:
            OSError: there is nothing, or it cannot be reached.
        """
        try:
            found = _file_systems().stat(self.url)
        except Exception as error:
            raise _as_os_error(error) from error
        return SimpleNamespace(st_size=found.length, st_mode=stat.S_IFDIR if found.is_directory else stat.S_IFREG)

    def open(self, mode: str = "rb") -> io.BufferedReader:
        """The file, for reading bytes; raises `OSError` as `stat` does."""
        if mode != "rb":
            raise ValueError(f"mode must be 'rb'; received {mode!r}.")
        self.stat()  # a GFile does not look before its first read
        return io.BufferedReader(_Bytes(self.url))

    def read_text(self, encoding: str = "utf-8") -> str:
        """The text of the file; raises `OSError` as `stat` does."""
        with self.open() as file:
            return file.read().decode(encoding)


Place = Path | Remote


class _Bytes(io.RawIOBase):
    """The bytes of a URL as Python's own files give them."""

    def __init__(self, url: str) -> None:
        super().__init__()
        self.file = _file_systems().GFile(url, "rb")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:
        try:
            found = self.file.read(len(buffer))
        except Exception as error:
            raise _as_os_error(error) from error
        buffer[: len(found)] = found
        return len(found)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        if whence == os.SEEK_CUR:
            offset += self.file.tell()
        elif whence == os.SEEK_END:
            offset += self.file.size()
        self.file.seek(offset)
        return offset

    def tell(self) -> int:
        return self.file.tell()


def _as_os_error(error: Exception) -> OSError:
    """TensorFlow's error as Python's own file functions raise it."""
    kind = FileNotFoundError if type(error).__name__ == "NotFoundError" else OSError
    return kind(0, " ".join(str(error).split()))


def _file_systems():
    """`tf.io.gfile`; TensorFlow is loaded when the first URL is read."""
    import tensorflow as tf

    return tf.io.gfile
