"""The parts of an unfinished build, one for each group of clips; finished records can be made into parts again."""

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

from records.atomic import MARK, atomic_file, write_json
from records.errors import DataError
from records.shards import MANIFEST_FILE, ClipEntry, Manifest, SkipEntry, example_key, from_json

PARTS = ".parts"
FINISHED = "finished"  # folder in PARTS: records that were finished before some videos changed
REUSED = "reused.json"  # file in FINISHED: if it exists, all reused groups have their index
RECORD_HEADER, RECORD_FOOTER = 12, 4  # bytes of a TFRecord: the length and its checksum; the data's checksum


class PartRecord(NamedTuple):
    """Where the record of one example is stored.

    Attributes:
        split, compression, method: the shard that it will be written into.
        key: unique key that decides its position in the shard.
        file: path relative to the folder of parts.
        offset, length: position and size of the serialized example in that file, in bytes.
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
    """The content of one group's part. If its file exists, the part is complete.

    Attributes:
        fingerprint: fingerprint of the group's videos; empty if the next run must build the part again.
        records: where the records of all its examples are.
        clips: id of each video that was built -> the clip's entry.
        skips: the clips that cannot be built, and why.
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
            "records": self.records,  # as lists without names, because there may be thousands
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
    """Path of the index of a group's part."""
    return out / PARTS / f"{group}.json"


def records_file(out: Path, group: str) -> Path:
    """Path of the records of a group's part."""
    return out / PARTS / f"{group}.tfrecord"


def finished_parts(out: Path) -> list[Path]:
    """The index files of all complete parts, sorted by name."""
    return sorted(path for path in (out / PARTS).glob("*-*.json") if not path.name.startswith("."))


def load_indices(out: Path) -> dict[str, PartIndex]:
    """Group -> the index of its part, for all complete parts."""
    return {path.stem: PartIndex.load(path) for path in finished_parts(out)}


@contextlib.contextmanager
def scratch_folder(out: Path, group: str) -> Iterator[Path]:
    """Yields a new temporary folder for building a part, and removes it at the end.

    Each attempt has its own folder, because two workers may build the same part at the same time.

    Raises:
        DataError: the folder cannot be made.
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
    """Yields a writer of a TFRecord file, which is written atomically; raises `DataError` if that fails."""
    with atomic_file(path) as temporary:
        try:
            with tf.io.TFRecordWriter(str(temporary)) as writer:
                yield writer
        except tf.errors.OpError as error:
            raise DataError(
                f"{path} cannot be written ({error.message}). Make room on the disk and run the same command again."
            ) from error


def remove_unfinished_files(out: Path) -> None:
    """Removes the temporary shards and manifests of killed processes; `out` must be locked."""
    for path in [*out.glob(f".*{MARK}*"), *out.glob(f"*/*/.*{MARK}*")]:
        if path.parent != out / PARTS and path.is_file():
            path.unlink(missing_ok=True)


def reopen_build(out: Path) -> None:
    """Moves the manifest of finished records into the parts, so that `out` counts as an unfinished build."""
    folder = out / PARTS / FINISHED
    folder.mkdir(parents=True, exist_ok=True)
    os.replace(out / MANIFEST_FILE, folder / MANIFEST_FILE)


def reuse_finished_records(out: Path, fingerprints: dict[str, str]) -> None:
    """After `reopen_build`, makes parts of the finished records of all groups whose videos have not changed.

    The records are not copied: the index of a part names their place in the old shards, which are moved into the parts.
    If the process is killed, the function can be called again; without finished records it does nothing.

    Args:
        out: folder of the records.
        fingerprints: group -> fingerprint of its videos now.

    Raises:
        DataError: a shard is damaged.
    """
    finished = out / PARTS / FINISHED
    if not (finished / MANIFEST_FILE).is_file() or (finished / REUSED).is_file():
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
    write_json(finished / REUSED, sorted(indices))


def read_record(out: Path, place: PartRecord) -> bytes:
    """Reads one serialized example."""
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
    """Yields (offset, record) for each record of a shard, which is read into memory as a whole."""
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
    index, position = (feature[field].int64_list.value[0] for field in ("frame_index", "clip_position"))
    return video, method, example_key(video, index, position)
