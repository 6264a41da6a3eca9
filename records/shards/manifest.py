"""`manifest.json`: describes a folder of records by counts, clips, skips, options, versions and a hash."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from records.atomic import write_json
from records.errors import DataError
from records.places import Place, place
from records.shards.entries import ClipEntry, ShardEntry, SkipEntry, SplitsOrigin, ends_sha256
from records.shards.schema import MAX_SIDE, SCHEMA_VERSION
from records.shards.typed_json import from_json

MANIFEST_FILE = "manifest.json"
MAX_BYTES = 2**30  # of a manifest
# <split>/<compression>/<method>-00000-of-00001.tfrecord; a path that leads out of the folder does not match.
SHARD = re.compile(r"(?!\.\.?/)([^/\0]+)/(?!\.\.?/)([^/\0]+)/([^/\0]+)-\d{5}-of-\d{5}\.tfrecord")


@dataclasses.dataclass
class Manifest:
    """The description of a finished build. It is written last: if it exists, the records are complete.

    Attributes:
        size: side of the faces in pixels.
        options: the options of `tfafsr build` that decide the records' content.
        versions: package -> version, for packages that can change the records' content.
        counts: split -> compression -> method -> number of examples.
        clips: video id -> the clip's entry.
        skips: the clips that are not in the records, and why.
        shards: path relative to the folder -> the shard's entry.
        splits: where the splits come from.
        groups: name of each group (clips with the same pristine twin) -> fingerprint of its videos. A later build
            compares it to know which videos have changed; a group with an empty one is always built again.
        schema_version: of the records.
        content_hash: SHA-256 over the shards' names and hashes; equal records have equal hashes in any folder.
    """

    size: int
    options: dict
    versions: dict[str, str]
    counts: dict[str, dict[str, dict[str, int]]]
    clips: dict[str, ClipEntry]
    skips: list[SkipEntry]
    shards: dict[str, ShardEntry]
    splits: SplitsOrigin = dataclasses.field(default_factory=SplitsOrigin)
    groups: dict[str, str] = dataclasses.field(default_factory=dict)
    schema_version: int = SCHEMA_VERSION
    content_hash: str = ""

    def __post_init__(self) -> None:
        lines = "".join(f"{name} {shard.sha256}\n" for name, shard in sorted(self.shards.items()))
        self.content_hash = hashlib.sha256(lines.encode()).hexdigest()

    def save(self, folder: Path) -> None:
        """Writes `manifest.json` into `folder` atomically; equal manifests give equal bytes.

        Raises:
            DataError: the file cannot be written.
        """
        write_json(Path(folder) / MANIFEST_FILE, dataclasses.asdict(self), indent=1, sort_keys=True)

    @classmethod
    def load(cls, folder: Place) -> Manifest:
        """Reads the manifest of `folder`, which may be at a URL (`records.places`).

        Raises:
            DataError: there is no manifest, it is damaged (the message names the field), or its schema version is
                another.
        """
        path = place(folder) / MANIFEST_FILE
        try:
            if not path.is_file():
                raise DataError(
                    f"{folder} holds no finished records (no {MANIFEST_FILE}); run `tfafsr build --out {folder}` to "
                    "its end."
                )
            if path.stat().st_size > MAX_BYTES:
                raise ValueError(f"it is larger than {MAX_BYTES} bytes")
            values = json.loads(path.read_text(encoding="utf-8"))
            version = values.get("schema_version") if isinstance(values, dict) else None
            if type(version) is not int:
                raise ValueError("it holds no schema_version")
            if version == SCHEMA_VERSION:
                manifest = from_json(cls, values)
                if values.get("content_hash") != manifest.content_hash:
                    raise ValueError("its hash does not fit its shards")
                manifest._check()
                return manifest
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error}).") from error
        except (ValueError, RecursionError) as error:
            raise DataError(f"{path} is damaged ({error}); build the records again.") from error
        raise DataError(
            f"{folder} is of schema version {version}, this program reads {SCHEMA_VERSION}: build the records again."
        )

    def _check(self) -> None:
        """Raises `ValueError` unless all paths are shards of this folder, and counts, shards and clips agree."""
        if not 1 <= self.size <= MAX_SIDE:
            raise ValueError(f"size is {self.size!r}, not a number of pixels in [1, {MAX_SIDE}]")
        in_shards: Counter = Counter()  # (split, compression, method) -> faces
        for path, shard in self.shards.items():
            match = SHARD.fullmatch(path)
            if match is None:
                raise ValueError(f"{path!r} is not the path of a shard")
            if shard.examples < 0 or shard.bytes < 0:
                raise ValueError(f"shards[{path!r}] has a size below 0")
            in_shards[match.groups()] += shard.examples
        in_clips: Counter = Counter()
        for video, clip in self.clips.items():
            if clip.label not in (0, 1) or min(clip.frames_scored, clip.frames_without_face) < 0 or not clip.subjects:
                raise ValueError(f"clips[{video!r}] needs a label of 0 or 1, subjects, and no number below 0")
            in_clips[clip.split, clip.compression, clip.method] += clip.frames_scored
        for split, compressions in self.counts.items():
            for compression, methods in compressions.items():
                for method, number in methods.items():
                    group = (split, compression, method)
                    if not 0 < number == in_shards[group] == in_clips[group]:
                        raise ValueError(
                            f"it counts {number} faces of {'/'.join(group)}, but its shards hold {in_shards[group]} "
                            f"and its clips {in_clips[group]}"
                        )

    def files(self, split: str, compression: str, methods: list[str] | None = None) -> dict[str, list[str]]:
        """The shards of a split at a compression: method -> relative paths, both in order.

        Raises:
            DataError: the records have no such split, compression or method; the message lists those that they have.
        """
        if split not in self.counts:
            raise DataError(f"The records have no split {split!r}; they have {_names(self.counts)}.")
        if compression not in self.counts[split]:
            raise DataError(
                f"The records have no compression {compression!r} in the split {split!r}; they have "
                f"{_names(self.counts[split])}."
            )
        present = self.counts[split][compression]
        if unknown := [method for method in methods or () if method not in present]:
            raise DataError(f"The records have no method {unknown[0]!r} there; they have {_names(present)}.")
        found: dict[str, list[str]] = {method: [] for method in sorted(methods or present)}
        for path in sorted(self.shards):
            *shard_group, method = SHARD.fullmatch(path).groups()
            if shard_group == [split, compression] and method in found:
                found[method].append(path)
        return found


def check_shards(folder: Place, manifest: Manifest, names: Iterable[str]) -> None:
    """Compares the size and both ends of shards with the manifest, which finds a cut, missing or foreign file.

    It reads 128 KiB of each shard, so that a thousand shards take a fraction of a second; `verify` reads everything.

    Args:
        folder: folder of the records.
        manifest: manifest of the same records.
        names: the shards to check, keys of `manifest.shards`.

    Raises:
        DataError: a shard is not what was written; the message names the first.
    """
    for name in names:
        with _opened(place(folder) / name, manifest.shards[name]):
            pass


def verify(folder: Place) -> None:
    """Compares every shard's hash with the manifest; raises a `DataError` that names the first shard that differs."""
    manifest = Manifest.load(folder)
    for name, shard in sorted(manifest.shards.items()):
        path = place(folder) / name
        with _opened(path, shard) as file:
            file.seek(0)
            if hashlib.file_digest(file, "sha256").hexdigest() != shard.sha256:
                raise DataError(f"{path} is damaged: its content has changed. {_AGAIN}")


@contextlib.contextmanager
def _opened(path: Place, shard: ShardEntry) -> Iterator[BinaryIO]:
    """Checks a shard's size and ends and yields it opened. A FIFO is refused: opening it would wait for a writer."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{path} is not a file; put the shard in its place. {_AGAIN}")
        if status.st_size != shard.bytes:
            raise DataError(f"{path} is damaged: it has {status.st_size} bytes, {shard.bytes} were written. {_AGAIN}")
        with path.open("rb") as file:
            if ends_sha256(file) != shard.ends_sha256:
                raise DataError(f"{path} is damaged or another shard's file: its content has changed. {_AGAIN}")
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path} is missing. {_AGAIN}") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}). {_AGAIN}") from error


_AGAIN = "Build the records again, or copy them again."


def _names(values) -> str:
    return ", ".join(sorted(values)) or "none"
