"""The parts that a build is made of until it is finished, and finished records taken apart into parts again."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import shutil
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import tensorflow as tf

from records.atomic import atomic_file, write_json
from records.errors import DataError
from records.shards.entries import ClipEntry, SkipEntry
from records.shards.manifest import MANIFEST_FILE, Manifest
from records.shards.typed_json import from_json

PARTS = ".parts"
FINISHED = "finished"  # within the parts: records that were finished before some videos changed
TAKEN_APART = "taken-apart.json"  # within that, written last: every group that is kept has its index
RECORD_HEADER, RECORD_FOOTER = 12, 4  # of a TFRecord: length and its checksum; the data's checksum


class PartRecord(NamedTuple):
    """Where the record of one example lies.

    Attributes:
        split, compression, method: of the shard that it belongs into.
        key: unique; the shard's order goes by it.
        file: relative to the folder of the parts.
        offset, length: of the serialized example in that file, in bytes.
    """

    split: str
    compression: str
    method: str
    key: str
    file: str
    offset: int
    length: int


@dataclasses.dataclass
class PartIndex:
    """What is in the part of one group of clips; its file's presence means that the part is whole.

    Attributes:
        fingerprint: of the group's videos; empty if the part is to be built again by the next run.
        records: of all its examples.
        clips: id of each video that was built -> what is known of it.
        skips: its clips that were not built, and why.
    """

    fingerprint: str
    records: list[PartRecord] = dataclasses.field(default_factory=list)
    clips: dict[str, ClipEntry] = dataclasses.field(default_factory=dict)
    skips: list[SkipEntry] = dataclasses.field(default_factory=list)

    def save(self, out: Path, group: str) -> None:
        """Writes the index of a group's part; raises `DataError` on a full disk."""
        value = {
            "fingerprint": self.fingerprint,
            "clips": {video: dataclasses.asdict(clip) for video, clip in self.clips.items()},
            "skips": [dataclasses.asdict(skip) for skip in self.skips],
            "records": self.records,  # there may be thousands: each is a list, without the names of its values
        }
        write_json(index_file(out, group), value, indent=None)

    @classmethod
    def load(cls, path: Path) -> PartIndex:
        """The index in a file; raises `DataError` if it is damaged."""
        value = read_json(path)
        try:
            return cls(
                from_json(str, value["fingerprint"], "fingerprint"),
                [PartRecord(*record) for record in value["records"]],
                from_json(dict[str, ClipEntry], value["clips"], "clips"),
                from_json(list[SkipEntry], value["skips"], "skips"),
            )
        except (ValueError, TypeError, KeyError) as error:
            raise _damaged(path, error) from error


def index_file(out: Path, group: str) -> Path:
    """Where the index of a group's part lies."""
    return out / PARTS / f"{group}.json"


def records_file(out: Path, group: str) -> Path:
    """Where the records of a group's part lie."""
    return out / PARTS / f"{group}.tfrecord"


def finished_parts(out: Path) -> list[Path]:
    """The index files of all parts that are whole, by name."""
    return sorted(path for path in (out / PARTS).glob("*-*.json") if not path.name.startswith("."))


def load_indices(out: Path) -> dict[str, PartIndex]:
    """Group -> the index of its part, of all parts that are whole."""
    return {path.stem: PartIndex.load(path) for path in finished_parts(out)}


@contextlib.contextmanager
def scratch_folder(out: Path, group: str) -> Iterator[Path]:
    """A folder among the parts for one attempt at one part, of which there may be two at a time; it is removed.

    Raises:
        DataError: it cannot be made.
    """
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{group}.", dir=out / PARTS))
    except OSError as error:
        raise DataError(f"Nothing can be written into {out / PARTS} ({error}). Make room or get access.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def record_writer(path: Path) -> Iterator[tf.io.TFRecordWriter]:
    """Yields a writer of a TFRecord file that is whole or not there; raises `DataError` where it cannot be written."""
    with atomic_file(path) as temporary:
        try:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                yield writer
        except tf.errors.OpError as error:
            raise DataError(
                f"{path} cannot be written ({error.message}). Make room on the disk and run the same command again."
            ) from error


def unfinish(out: Path) -> None:
    """Moves the manifest of finished records among the parts: `out` is an unfinished build then, see `take_apart`."""
    folder = out / PARTS / FINISHED
    folder.mkdir(parents=True, exist_ok=True)
    os.replace(out / MANIFEST_FILE, folder / MANIFEST_FILE)


def take_apart(out: Path, fingerprints: dict[str, str]) -> None:
    """Makes parts of the records that were finished before, of those groups whose videos are what they were.

    It can be killed at any moment and called again; without such records it does nothing. The records themselves are
    not copied: an index names their place.

    Args:
        out: folder of the records.
        fingerprints: group -> fingerprint, as it is now.

    Raises:
        DataError: a shard is damaged.
    """
    finished = out / PARTS / FINISHED
    if not (finished / MANIFEST_FILE).is_file() or (finished / TAKEN_APART).is_file():
        return
    manifest = Manifest.load(finished)
    indices = {
        group: PartIndex(fingerprint)
        for group, fingerprint in sorted(manifest.groups.items())
        if fingerprint and fingerprints.get(group) == fingerprint
    }
    for video, clip in manifest.clips.items():
        if clip.group in indices:
            indices[clip.group].clips[video] = clip
    for skip in manifest.skips:
        if skip.group in indices:
            indices[skip.group].skips.append(skip)
    for name, shard in sorted(manifest.shards.items()):
        moved = finished / name
        if not moved.is_file():
            moved.parent.mkdir(parents=True, exist_ok=True)
            os.replace(out / name, moved)
        split, compression, _ = name.split("/")
        for offset, record in _records(moved, shard.sha256, out):
            video, method, key = _names_in(record)
            group = manifest.clips[video].group
            if group in indices:
                place = PartRecord(split, compression, method, key, f"{FINISHED}/{name}", offset, len(record))
                indices[group].records.append(place)
    for group, index in indices.items():
        index.save(out, group)
    write_json(finished / TAKEN_APART, sorted(indices))


def record_key(video: str, frame_index: int) -> str:
    """The key by which an example is ordered among the others of its shard."""
    return f"{video}#{frame_index}"


def read_record(out: Path, place: PartRecord) -> bytes:
    """The serialized example at a place."""
    with (out / PARTS / place.file).open("rb") as file:
        file.seek(place.offset)
        return file.read(place.length)


def read_json(path: Path) -> object:
    """The value in a JSON file of a build; raises `DataError` if it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"{path} is damaged ({error}); remove it and run the same command again.")


def _records(path: Path, sha256: str, out: Path) -> Iterator[tuple[int, bytes]]:
    """(offset, record) of each record of a shard; a shard fits into memory."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise DataError(f"{path} is damaged; remove {out} and build the records again.")
    position = 0
    while position < len(data):
        (length,) = struct.unpack_from("<Q", data, position)
        yield position + RECORD_HEADER, data[position + RECORD_HEADER : position + RECORD_HEADER + length]
        position += RECORD_HEADER + length + RECORD_FOOTER


def _names_in(record: bytes) -> tuple[str, str, str]:
    """Video, method and key of a serialized example."""
    feature = tf.train.Example.FromString(record).features.feature
    video, method = (feature[field].bytes_list.value[0].decode() for field in ("video", "method"))
    return video, method, record_key(video, feature["frame_index"].int64_list.value[0])
