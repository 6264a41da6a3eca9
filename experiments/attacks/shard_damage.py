"""Damage to shards: cut, swapped, doubled and replaced files, flipped bytes, and records that break the schema."""

from __future__ import annotations

import dataclasses
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf

from experiments.attacks.intact_records import SIZE, shards_of
from experiments.attacks.tfrecord import Frame, frames_in, packed
from records.shards import FIELDS, Field, Manifest, write_file

Generator = np.random.Generator


def _shard(rng: Generator, folder: Path) -> Path:
    paths = shards_of(folder)
    return paths[rng.integers(len(paths))]


def _named(what: str, path: Path) -> str:
    return f"{what}: {'/'.join(path.parts[-3:])}"


# ---- whole files -------------------------------------------------------------------------------------------------


def cut_anywhere(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    size = int(rng.integers(1, path.stat().st_size))
    os.truncate(path, size)
    return _named(f"cut to {size} bytes", path)


def cut_between_records(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    frames = frames_in(path.read_bytes())
    kept = int(rng.integers(0, len(frames)))
    if rng.integers(2):  # the manifest knows the shorter file, but not the smaller number of records
        _replace(folder, path, [frame.data for frame in frames[:kept]], examples=len(frames))
        return _named(f"cut to {kept} of {len(frames)} records, size and hash made to fit", path)
    path.write_bytes(packed(frames[:kept]))
    return _named(f"cut to {kept} of {len(frames)} records", path)


def records_more_than_counted(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    records = [frame.data for frame in frames_in(path.read_bytes())]
    _replace(folder, path, [*records, records[0]], examples=len(records))
    return _named("a record twice, size and hash made to fit", path)


def contents_twice(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    path.write_bytes(2 * path.read_bytes())
    return _named("contents twice", path)


def another_shard_instead(rng: Generator, folder: Path) -> str:
    path, other = _shard(rng, folder), _shard(rng, folder)
    if other == path:
        other = next(one for one in shards_of(folder) if one != path)
    shutil.copyfile(other, path)
    return _named("replaced by " + "/".join(other.parts[-3:]), path)


def two_shards_swapped(rng: Generator, folder: Path) -> str:
    """Swaps two shards of the same kind (split, compression, method), or of different kinds."""
    place = int(rng.integers(3))
    path = _shard(rng, folder)

    def kind(one: Path) -> tuple[str, ...]:
        return one.parts[-3], one.parts[-2], one.name.partition("-")[0]

    others = [one for one in shards_of(folder) if one != path]
    alike = [one for one in others if sum(a != b for a, b in zip(kind(one), kind(path), strict=True)) == (place > 0)]
    other = alike[rng.integers(len(alike))]
    content = path.read_bytes()
    path.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return _named("swapped with " + "/".join(other.parts[-3:]), path)


def records_in_another_order(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    frames = frames_in(path.read_bytes())
    path.write_bytes(packed(frames[::-1]))
    return _named("records in the reverse order" if len(frames) > 1 else "written again", path)


def no_file(rng: Generator, folder: Path) -> str:
    """A folder, a pipe, a link, an empty file or nothing instead of a shard."""
    path = _shard(rng, folder)
    content = path.read_bytes()
    path.unlink()
    which = int(rng.integers(9))
    if which == 0:
        path.mkdir()
    elif which == 1:
        os.mkfifo(path)
    elif which == 2:
        path.symlink_to(path.name)  # a link to itself
    elif which == 3:
        path.symlink_to("not-there.tfrecord")
    elif which == 4:
        path.symlink_to(os.devnull)
    elif which == 5:
        path.symlink_to("/dev/zero")
    elif which == 6:
        path.write_bytes(b"")
    elif which == 7:  # a link to the same bytes, which is allowed
        (folder / "elsewhere").write_bytes(content)
        path.symlink_to(folder / "elsewhere")
    what = "a folder,a pipe,a link to itself,a link to nothing,a link to the null device,a link to endless zeros,empty"
    return _named([*what.split(","), "behind a link", "missing"][which], path)


def not_tfrecord(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    path.write_bytes((rng.bytes(path.stat().st_size), b"text\n" * 100, b"\x1f\x8b" + rng.bytes(500))[rng.integers(3)])
    return _named("other contents", path)


# ---- bytes -------------------------------------------------------------------------------------------------------


def flipped_bytes(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    content = bytearray(path.read_bytes())
    places = rng.integers(len(content), size=int(rng.integers(1, 4)))
    for place in places:
        content[place] ^= int(rng.integers(1, 256))
    path.write_bytes(content)
    return _named(f"bytes flipped at {places.tolist()}", path)


def flipped_bytes_with_right_checksums(rng: Generator, folder: Path) -> str:
    path = _shard(rng, folder)
    frames = frames_in(path.read_bytes())
    which = int(rng.integers(len(frames)))
    data = bytearray(frames[which].data)
    place = int(rng.integers(len(data)))
    data[place] ^= int(rng.integers(1, 256))
    frames[which] = Frame.around(bytes(data))
    path.write_bytes(packed(frames))
    return _named(f"byte {place} of record {which} flipped, checksums right", path)


def broken_framing(rng: Generator, folder: Path) -> str:
    """A wrong length or checksum; some wrong lengths, up to the largest possible, have a right checksum."""
    path = _shard(rng, folder)
    frames = frames_in(path.read_bytes())
    which = int(rng.integers(len(frames)))
    frame = frames[which]
    length = [0, 1, len(frame.data) - 1, len(frame.data) + 1, 2**31, 2**40, 2**63, 2**64 - 1][rng.integers(8)]
    kind = int(rng.integers(4))
    if kind == 0:
        frames[which] = dataclasses.replace(frame, length=length)
    elif kind == 1:
        frames[which] = Frame.around(frame.data, length)
    elif kind == 2:
        frames[which] = dataclasses.replace(frame, length_checksum=int(rng.integers(2**32)))
    else:
        frames[which] = dataclasses.replace(frame, data_checksum=int(rng.integers(2**32)))
    path.write_bytes(packed(frames))
    what = (f"length {length}", f"length {length} with its checksum", "checksum of the length", "checksum of the data")
    return _named(f"{what[kind]} of record {which}", path)


# ---- records -----------------------------------------------------------------------------------------------------


def no_example(rng: Generator, folder: Path) -> str:
    data = [b"", b"\x00", b"text", rng.bytes(200), b"\x0a\xff\xff\xff\xff\x0f"][rng.integers(5)]
    return _with_record(rng, folder, f"a record of {data[:8]!r}", lambda _: data)


def broken_field(rng: Generator, folder: Path) -> str:
    """A field that is missing, of another type, empty, or has one value too many."""
    field = FIELDS[rng.integers(len(FIELDS))]
    kind = int(rng.integers(5))

    def change(features: dict) -> None:
        feature = features[field.name]
        name = feature.WhichOneof("kind")
        if kind == 0:
            del features[field.name]
        elif kind == 1:
            other = tf.train.Feature(int64_list=tf.train.Int64List(value=[1]))
            if name == "int64_list":
                other = tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"1"]))
            feature.CopyFrom(other)
        elif kind == 2:
            feature.Clear()
        elif kind == 3:
            getattr(feature, name).ClearField("value")
        else:
            values = getattr(feature, name).value
            values.extend(list(values)[:1] if field.kind != "texts" else [b"\xff"])

    what = ("missing", "of another type", "without a kind", "empty", "with one value more")[kind]
    return _with_features(rng, folder, f"{field.name} {what}", change)


def unknown_field(rng: Generator, folder: Path) -> str:
    def change(features: dict) -> None:
        features["unknown"].bytes_list.value.append(b"x" * 10)

    return _with_features(rng, folder, "an unknown field", change)


def number_out_of_range(rng: Generator, folder: Path) -> str:
    """Integers and floats outside of the range of their field, and NaN."""
    numeric = [field for field in FIELDS if field.kind in ("int", "float")]
    field = numeric[rng.integers(len(numeric))]
    if field.kind == "int":
        wrong = [-1, -(2**63)] + ([2, 7, 2**62] if field.high == 1 else [])
    else:
        wrong = [np.nan, np.inf, -np.inf, 1e30, -1e30] + ([-0.01, 1.01] if field.high == 1 else [])
    value = wrong[rng.integers(len(wrong))]
    place = int(rng.integers(max(1, int(np.prod(field.shape, dtype=int)))))

    def change(features: dict) -> None:
        feature = features[field.name]
        getattr(feature, feature.WhichOneof("kind")).value[place] = value

    return _with_features(rng, folder, f"{field.name}[{place}] = {value}", change)


def wrong_text(rng: Generator, folder: Path) -> str:
    """Texts that are empty or not UTF-8; a split, compression or method that differs from the shard's."""
    texts = [field for field in FIELDS if field.kind in ("text", "texts")]
    field = texts[rng.integers(len(texts))]
    value = [b"\xff\xfe\xfa", b"caf\xe9", b""][rng.integers(3)]
    if field.name in ("split", "compression", "method") and rng.integers(2):
        value = b"another"

    def change(features: dict) -> None:
        features[field.name].bytes_list.value[0] = value

    return _with_features(rng, folder, f"{field.name} = {value!r}", change)


def wrong_image(rng: Generator, folder: Path) -> str:
    """Images of another size or kind, damaged images, and other data."""
    images = [field for field in FIELDS if field.kind == "image"]
    field = images[rng.integers(len(images))]
    what, damage = IMAGE_DAMAGE[rng.integers(len(IMAGE_DAMAGE))]

    def change(features: dict) -> None:
        values = features[field.name].bytes_list.value
        values[0] = damage(rng, field, values[0])

    return _with_features(rng, folder, f"{field.name}: {what}", change)


def _encoded(pixels: np.ndarray, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, pixels)[1].tobytes()


def _of_size(side: int, other: int | None = None) -> Callable:
    return lambda rng, field, png: _encoded(np.full((side, other or side, *field.shape), 120, np.uint8))


def _flip_inside(rng: Generator, field: Field, png: bytes) -> bytes:
    data = bytearray(png)
    data[int(rng.integers(50, len(data) - 16))] ^= int(rng.integers(1, 256))
    return bytes(data)


def _header(width: int, height: int) -> Callable:
    return lambda rng, field, png: png[:16] + struct.pack(">II", width, height) + png[24:]


IMAGE_DAMAGE: list[tuple[str, Callable[[Generator, Field, bytes], bytes]]] = [
    ("one pixel", _of_size(1)),
    ("half as wide", _of_size(SIZE, SIZE // 2)),
    ("twice the size", _of_size(2 * SIZE)),
    ("65000 x 65000 by its header", _header(65000, 65000)),
    ("2^31 - 1 x 1 by its header", _header(2**31 - 1, 1)),
    ("0 x 0 by its header", _header(0, 0)),
    ("truncated", lambda rng, field, png: png[: int(rng.integers(1, len(png) - 12))]),
    ("a byte flipped", _flip_inside),
    ("no picture", lambda rng, field, png: rng.bytes(100)),
    ("a JPEG", lambda rng, field, png: _encoded(np.full((SIZE, SIZE, 3), 120, np.uint8), ".jpg")),
    ("16 bits deep", lambda rng, field, png: _encoded(np.full((SIZE, SIZE, *field.shape), 30000, np.uint16))),
    ("with an alpha channel", lambda rng, field, png: _encoded(np.full((SIZE, SIZE, 4), 120, np.uint8))),
    ("of other channels", lambda rng, field, png: _encoded(np.full((SIZE, SIZE, 4 - field.shape[0]), 9, np.uint8))),
    ("the signature alone", lambda rng, field, png: png[:8]),
]


def _with_features(rng: Generator, folder: Path, what: str, change: Callable[[dict], None]) -> str:
    def changed(data: bytes) -> bytes:
        example = tf.train.Example.FromString(data)
        change(example.features.feature)
        return example.SerializeToString(deterministic=True)

    return _with_record(rng, folder, what, changed)


def _with_record(rng: Generator, folder: Path, what: str, change: Callable[[bytes], bytes]) -> str:
    """Changes one record; its checksums are right, and in three of four cases the manifest fits the file, too."""
    path = _shard(rng, folder)
    records = [frame.data for frame in frames_in(path.read_bytes())]
    which = int(rng.integers(len(records)))
    records[which] = change(records[which])
    if rng.integers(4):
        _replace(folder, path, records)
        return _named(f"record {which}, {what}, manifest made to fit", path)
    path.write_bytes(packed([Frame.around(record) for record in records]))
    return _named(f"record {which}, {what}", path)


def _replace(folder: Path, path: Path, records: list[bytes], examples: int | None = None) -> None:
    """Writes a shard and changes the manifest to fit it; `examples` replaces the number of its records."""
    manifest = Manifest.load(folder)
    entry = write_file(path, iter(records))
    entry = dataclasses.replace(entry, examples=len(records) if examples is None else examples)
    shards = {**manifest.shards, path.relative_to(folder).as_posix(): entry}
    dataclasses.replace(manifest, shards=shards).save(folder)


SHARD_ATTACKS: tuple[Callable[[Generator, Path], str], ...] = (
    cut_anywhere,
    cut_between_records,
    records_more_than_counted,
    contents_twice,
    another_shard_instead,
    two_shards_swapped,
    records_in_another_order,
    no_file,
    not_tfrecord,
    flipped_bytes,
    flipped_bytes_with_right_checksums,
    broken_framing,
    no_example,
    broken_field,
    unknown_field,
    number_out_of_range,
    number_out_of_range,
    wrong_text,
    wrong_image,
    wrong_image,
)
