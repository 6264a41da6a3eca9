"""The parts that a build is made of until it is finished, and finished records taken apart into parts again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

from records.errors import DataError
from records.shards.manifest import FILE as MANIFEST_FILE
from records.shards.manifest import Manifest

PARTS = ".parts"
BEFORE = "before"  # within the parts: the records as they were when videos changed
TAKEN = "taken.json"  # within that: the sign that all of them are in the indices
RECORD_HEADER, RECORD_FOOTER = 12, 4  # of a TFRecord: length and its checksum; the data's checksum


def index_file(out: Path, name: str) -> Path:
    """Where the index of a part lies; its presence means that the part is whole."""
    return out / PARTS / f"{name}.json"


def part_name(name: str) -> str:
    """The file of a part's records, within the parts."""
    return f"{name}.tfrecord"


@contextlib.contextmanager
def own_folder(out: Path, name: str) -> Iterator[Path]:
    """A folder among the parts for one attempt at one part: there may be two at a time. It is removed at the end.

    Raises:
        DataError: it cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{name}.", dir=out / PARTS))
    except OSError as error:
        raise DataError(f"Nothing can be written into {out / PARTS} ({error}). Make room or get access.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def publish(folder: Path, out: Path, name: str) -> None:
    """Moves a whole part from its own folder into its place, and then its index."""
    os.replace(folder / part_name(name), out / PARTS / part_name(name))
    os.replace(folder / index_file(out, name).name, index_file(out, name))


@contextlib.contextmanager
def alone(out: Path) -> Iterator[None]:
    """Keeps other processes from building into `out` at the same time, where the file system has such locks.

    The lock is the system's own and ends with the process, however that ends.

    Raises:
        DataError: another process is building there, or `out` cannot be a folder.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(f"{out} cannot be made a folder ({error}); give another --out.") from error
    if fcntl is None:
        yield
        return
    folder = os.open(out, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(folder)
        raise DataError(
            f"Another process is building into {out}; wait until it ends, or give another --out."
        ) from error
    except OSError:  # some network file systems do not lock folders
        pass
    try:
        yield
    finally:
        os.close(folder)


def set_aside(out: Path, parts: Path) -> None:
    """Takes the manifest away: from then on `out` is an unfinished build, and `take_over` does the rest."""
    (parts / BEFORE).mkdir(parents=True, exist_ok=True)
    os.replace(out / MANIFEST_FILE, parts / BEFORE / MANIFEST_FILE)


def take_over(out: Path, parts: Path, prints: dict[str, str]) -> None:
    """Makes parts of the records that were set aside, of those units whose videos are what they were.

    It can be killed at any moment and called again. The records themselves are not copied: an index names their place.

    Args:
        out: folder of the records.
        parts: its parts.
        prints: unit -> fingerprint, as it is now.

    Raises:
        DataError: a shard is damaged.
    """
    before = parts / BEFORE
    if not (before / MANIFEST_FILE).is_file() or (before / TAKEN).is_file():
        return
    manifest = Manifest.load(before)
    kept = {name for name, fingerprint in manifest.units.items() if fingerprint and prints.get(name) == fingerprint}
    empty: dict[str, dict] = {
        name: {"fingerprint": prints[name], "keys": [], "clips": {}, "skips": []} for name in sorted(kept)
    }
    for video, clip in manifest.clips.items():
        if clip["unit"] in kept:
            empty[clip["unit"]]["clips"][video] = clip
    for skip in manifest.skips:
        if skip.get("unit") in kept:
            empty[skip["unit"]]["skips"].append(skip)
    for name, shard in sorted(manifest.shards.items()):
        moved = before / name
        if not moved.is_file():
            moved.parent.mkdir(parents=True, exist_ok=True)
            os.replace(out / name, moved)
        split, compression, _ = name.split("/")
        for offset, record in _records(moved, shard["sha256"]):
            feature = tf.train.Example.FromString(record).features.feature
            video, method = (feature[field].bytes_list.value[0].decode() for field in ("video", "method"))
            unit = manifest.clips[video]["unit"]
            if unit in kept:
                key = f"{video}#{feature['frame_index'].int64_list.value[0]}"
                place = [str(Path(BEFORE, name)), offset, len(record)]
                empty[unit]["keys"].append([split, compression, method, key, *place])
    for name, index in empty.items():
        write_json(index_file(out, name), index)
    write_json(before / TAKEN, sorted(kept))


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file that is whole or not there; raises `DataError` on a full disk."""
    temporary = path.with_name(path.name + ".tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise DataError(f"{path} cannot be written ({error}). Make room and run the same command again.") from error


def read_json(path: Path) -> dict:
    """The value of such a file; raises `DataError` if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path} is damaged ({error}); remove it and run the same command again.") from error


def _records(path: Path, sha256: str) -> Iterator[tuple[int, bytes]]:
    """(offset, record) of each record of a shard; a shard fits into memory."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"{path} is damaged; remove {path.parents[4]} and build the records again.")
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        yield position + RECORD_HEADER, data[position + RECORD_HEADER : position + RECORD_HEADER + length]
        position += RECORD_HEADER + length + RECORD_FOOTER
