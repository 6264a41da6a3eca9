"""Declares the fields of a record, and serializes, parses and documents records from that one declaration."""

from __future__ import annotations

import dataclasses
import enum
import functools
import struct
from collections.abc import Callable, Iterable, Sequence

import cv2
import numpy as np
import tensorflow as tf

from faces import error_level_analysis
from records.errors import DataError

SCHEMA_VERSION = 3
MAX_PNG_BYTES = 2**24  # of a stored image; a build writes none as large
MAX_SIDE = 4096  # pixels, of a stored image
PNG_START = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR"
# What follows it: width, height, bits, colour type, compression, filter, interlace. Compared before a PNG is decoded:
# 300 KB can hold 300 MB, and a decoder turns other bits and colours into ours without a word.
PNG_HEADER = ">IIBBBBB"
PNG_COLOURS = {1: 0, 3: 2}  # channels -> colour type


class Png:
    """An image of a field. It is encoded when first written, and only once even if several examples share it.

    Attributes:
        pixels: uint8 (S, S, C), RGB where C is 3.
    """

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    @functools.cached_property
    def data(self) -> bytes:
        """The pixels as PNG."""
        return cv2.imencode(".png", self.pixels[..., ::-1] if self.pixels.shape[2] == 3 else self.pixels)[1].tobytes()


class Derived(enum.Enum):
    """Stands for an image that is not stored because the reader computes it: `ela`, or a `target` equal to `frame`."""

    DERIVED = "derived"


DERIVED = Derived.DERIVED


class SchemaError(DataError):
    """A value that does not fit its field, or bytes that are not a record of this schema."""


@dataclasses.dataclass(frozen=True)
class Field:
    """One field of a record.

    Attributes:
        name: key in the tf.train.Example and in dicts of fields.
        kind: `image` (uint8, PNG, square), `float`, `int`, `text` or `texts`.
        shape: shape of the value; for images only (channels,), their sides are the records' size.
        meaning: sentence for the documentation.
        low, high: allowed range of the values, inclusive.
        derive: computes an image that is not stored from `frame`, uint8 (S, S, 3); None if it is always stored.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    meaning: str
    low: float = -np.inf
    high: float = np.inf
    derive: Callable[[np.ndarray], np.ndarray] | None = None


def _same(frame: np.ndarray) -> np.ndarray:
    return frame


def _flag(name: str, meaning: str) -> Field:
    return Field(name, "int", (), meaning, 0, 1)


FIELDS: tuple[Field, ...] = (
    Field("frame", "image", (3,), "RGB crop at this record's compression: the network's input"),
    Field(
        "target",
        "image",
        (3,),
        "the same crop at the best quality at hand (raw, else c23; hq): supervises AFSR; with --target-once not stored "
        "where it is `frame`",
        derive=_same,
    ),
    _flag("target_known", "1 where `target` is at raw, c23 or hq; 0 switches AFSR's loss off"),
    Field(
        "ela",
        "image",
        (3,),
        "error level analysis of `frame`: |x - jpeg(x)| at quality 90, 4:4:4, times 20; with --no-ela not stored, the "
        "reader computes it",
        derive=error_level_analysis,
    ),
    Field("mask", "image", (1,), "255 where manipulated; all 0 for real faces"),
    _flag("mask_known", "0 where there is no twin to compare with; switches the artifact term off"),
    Field(
        "keypoints",
        "float",
        (5, 2),
        "x, y in [0, 1] of the crop: left eye, right eye, nose, mouth left, mouth right (the viewer's left)",
        0.0,
        1.0,
    ),
    _flag("label", "1 = manipulated"),
    Field("dataset", "text", (), "e.g. ffpp"),
    Field("method", "text", (), "e.g. NeuralTextures; `real` for originals"),
    Field("compression", "text", (), "raw, c23, c40, also c28, c34, c46; lq, hq; as-is"),
    Field("split", "text", (), "train, val or test"),
    Field("video", "text", (), "unique: dataset/method/compression/clip; video scores group by this and nothing else"),
    Field("subjects", "texts", (), "every identity in the clip, the target first: splits must not share one"),
    Field("frame_index", "int", (), "index of the frame in the video", 0),
    Field("clip_position", "int", (), "position within a burst of neighbouring frames; 0 unless built with --burst", 0),
    Field("box", "float", (4,), "y0, x0, y1, x1 of the crop in pixels of the source", -(2.0**24), 2.0**24),
)
BY_NAME = {field.name: field for field in FIELDS}


@dataclasses.dataclass
class Example:
    """One face in one frame at one compression; FIELDS describes the attributes.

    Images are uint8 (S, S, C) or `Png`; `target` and `ela` may be `DERIVED`.
    """

    frame: np.ndarray | Png
    target: np.ndarray | Png | Derived
    target_known: int
    ela: np.ndarray | Png | Derived
    mask: np.ndarray | Png
    mask_known: int
    keypoints: np.ndarray
    label: int
    dataset: str
    method: str
    compression: str
    split: str
    video: str
    subjects: list[str]
    frame_index: int
    clip_position: int
    box: np.ndarray


def serialize(example: Example) -> bytes:
    """A tf.train.Example in bytes; equal examples give equal bytes.

    Raises:
        SchemaError: a value does not fit its field; the message names the field and the value.
    """
    frame = example.frame.pixels if isinstance(example.frame, Png) else example.frame
    size = np.shape(frame)[0] if np.ndim(frame) == 3 else 0
    features = {field.name: _feature(field, getattr(example, field.name), size) for field in FIELDS}
    return tf.train.Example(features=tf.train.Features(feature=features)).SerializeToString(deterministic=True)


def parse(
    serialized: tf.Tensor, size: int, fields: Iterable[str] | None = None, shard: tf.Tensor | str = ""
) -> dict[str, tf.Tensor]:
    """Parses one serialized example inside a graph, and checks the sides of images and the ranges of numbers.

    Args:
        serialized: string ().
        size: side of the images in pixels.
        fields: names of the fields wanted; None for all. Other fields are neither decoded nor checked.
        shard: path of the example's file, for messages, string ().

    Returns:
        Field name -> tensor: images uint8 (size, size, C), texts as string, `subjects` as string (n,), int64, float32.

    Raises:
        tf.errors.InvalidArgumentError: at run time, if the bytes are not an example of this schema and size.
    """
    wanted = [BY_NAME[name] for name in (BY_NAME if fields is None else fields)]
    specs = {field.name: _feature_spec(field) for field in wanted}
    if any(field.derive for field in wanted):
        specs["frame"] = _feature_spec(BY_NAME["frame"])
    parsed = tf.io.parse_single_example(serialized, specs)
    _check_numbers([field for field in wanted if field.kind in ("int", "float")], parsed, shard)
    decoded: dict[str, tf.Tensor] = {}
    for field in sorted(wanted, key=lambda field: field.derive is not None):  # `frame` before what derives from it
        value = parsed[field.name]
        if field.kind == "image" and field.derive is not None:
            frame = functools.partial(_frame, decoded, parsed, size, shard)
            stored = functools.partial(_decode_image, value, field, size, shard)
            value = tf.cond(tf.equal(tf.strings.length(value), 0), functools.partial(_derived, field, frame), stored)
            value = tf.ensure_shape(value, (size, size, *field.shape))
        elif field.kind == "image":
            value = _decode_image(value, field, size, shard)
        elif field.kind in ("text", "texts"):
            value = tf.strings.unicode_transcode(value, "UTF-8", "UTF-8", errors="strict")
        decoded[field.name] = value
    return {field.name: decoded[field.name] for field in wanted}


def shrunk(fields: dict[str, tf.Tensor], size: int) -> dict[str, tf.Tensor]:
    """The same fields with images of fewer pixels, each the mean of an area; key points are shares of the side anyway.

    Args:
        fields: as `parse` returns them. Error levels come from the smaller frame, so `frame` must be among them then.
        size: the new side in pixels.
    """
    images = {name: value for name, value in fields.items() if BY_NAME[name].kind == "image"}
    smaller = {}
    for name, value in images.items():
        if BY_NAME[name].derive in (None, _same):
            mean = tf.image.resize(tf.cast(value, tf.float32), (size, size), method="area")
            smaller[name] = tf.cast(tf.round(mean), tf.uint8)
    for name in images.keys() - smaller.keys():
        value = tf.numpy_function(BY_NAME[name].derive, [smaller["frame"]], tf.uint8, stateful=False)
        smaller[name] = tf.ensure_shape(value, (size, size, *BY_NAME[name].shape))
    return {**fields, **smaller}


def decode(serialized: bytes) -> Example:
    """The example in `serialized`; raises `SchemaError` for bytes that are not a record of this schema."""
    try:
        features = tf.train.Example.FromString(serialized).features.feature
    except Exception as error:  # protobuf's DecodeError is private to its implementation
        raise SchemaError(
            f"These {len(serialized)} bytes are not a record ({error}); the file is damaged, build it again."
        ) from error
    if missing := [field.name for field in FIELDS if field.name not in features]:
        raise SchemaError(f"The record lacks {', '.join(missing)}; its schema is not version {SCHEMA_VERSION}.")
    values = {field.name: _value(field, features[field.name]) for field in FIELDS}
    for field in FIELDS:
        if values[field.name] is DERIVED:
            values[field.name] = field.derive(values["frame"])
        side = len(values["frame"])
        if field.kind == "image" and values[field.name].shape != (side, side, *field.shape):
            height, width = values[field.name].shape[:2]
            raise SchemaError(f"{field.name} is {height} x {width} pixels; it must be square and as large as frame.")
    return Example(**values)


def describe() -> str:
    """The fields as a Markdown table."""
    rows = ["| field | type, shape | meaning |", "|---|---|---|"]
    for field in FIELDS:
        shape = f" (S, S, {field.shape[0]}) PNG" if field.kind == "image" else f" {field.shape}" if field.shape else ""
        rows.append(f"| {field.name} | {_TYPES[field.kind]}{shape} | {field.meaning} |")
    return "\n".join(rows)


_TYPES = {"image": "uint8", "float": "float32", "int": "int64", "text": "bytes", "texts": "bytes list"}


def _feature(field: Field, value: object, size: int) -> tf.train.Feature:
    if field.kind == "image":
        if value is DERIVED and field.derive is not None:
            return _bytes([b""])
        if size > MAX_SIDE:
            raise SchemaError(f"{field.name} is {size} pixels wide; {MAX_SIDE} at most can be stored.")
        png = value if isinstance(value, Png) else Png(value)
        value = png.pixels
        expected = (size, size, *field.shape)
        if not isinstance(value, np.ndarray) or value.dtype != np.uint8 or value.shape != expected or size == 0:
            got = f"{value.dtype} {value.shape}" if isinstance(value, np.ndarray) else type(value).__name__
            raise SchemaError(f"{field.name} must be uint8 {expected}, square and as large as frame; received {got}.")
        return _bytes([png.data])
    if field.kind in ("text", "texts"):
        texts = [value] if field.kind == "text" else value
        if (
            not isinstance(texts, list | tuple)
            or not texts
            or not all(isinstance(text, str) and text for text in texts)
        ):
            what = "a string" if field.kind == "text" else "a list of strings"
            raise SchemaError(f"{field.name} must be {what} and not empty; received {value!r}.")
        try:
            return _bytes([text.encode() for text in texts])
        except UnicodeEncodeError as error:
            raise SchemaError(f"{field.name} cannot be written as UTF-8; received {value!r}.") from error
    array = np.asarray(value)
    kinds = "iub" if field.kind == "int" else "fiu"
    if array.dtype.kind not in kinds or array.shape != field.shape:
        raise SchemaError(
            f"{field.name} must be {_TYPES[field.kind]} {field.shape}; received {array.dtype} {array.shape}."
        )
    _check_range(field, array)
    if field.kind == "int":
        return tf.train.Feature(int64_list=tf.train.Int64List(value=array.astype(np.int64).reshape(-1).tolist()))
    return tf.train.Feature(float_list=tf.train.FloatList(value=array.astype(np.float32).reshape(-1).tolist()))


def _check_range(field: Field, array: np.ndarray) -> None:
    if not np.all((array >= field.low) & (array <= field.high)):  # NaN fails both
        raise SchemaError(f"{_range(field)}; received {array.tolist()}.")


def _bytes(values: list[bytes]) -> tf.train.Feature:
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=values))


def _feature_spec(field: Field):
    if field.kind == "texts":
        return tf.io.RaggedFeature(tf.string)
    dtype = {"int": tf.int64, "float": tf.float32}.get(field.kind, tf.string)
    return tf.io.FixedLenFeature(() if field.kind in ("image", "text") else field.shape, dtype)


def _check_numbers(fields: Sequence[Field], parsed: dict[str, tf.Tensor], shard: tf.Tensor | str) -> None:
    """Asserts that all numbers lie in their fields' ranges, in one comparison; NaN lies in no range."""
    if not fields:
        return
    repeats = [int(np.prod(field.shape, dtype=int)) for field in fields]
    low, high = (np.repeat([getattr(field, end) for field in fields], repeats) for end in ("low", "high"))
    messages = np.repeat([_range(field) for field in fields], repeats)
    numbers = tf.concat([tf.cast(tf.reshape(parsed[field.name], [-1]), tf.float64) for field in fields], 0)
    inside = (numbers >= low) & (numbers <= high)
    first = tf.argmin(tf.cast(inside, tf.int32))
    tf.debugging.Assert(tf.reduce_all(inside), [tf.gather(messages, first), tf.as_string(numbers[first]), shard])


def _range(field: Field) -> str:
    return f"{field.name} must lie in [{field.low:g}, {field.high:g}]"


def _frame(decoded: dict[str, tf.Tensor], parsed: dict[str, tf.Tensor], size: int, shard: tf.Tensor | str) -> tf.Tensor:
    return decoded["frame"] if "frame" in decoded else _decode_image(parsed["frame"], BY_NAME["frame"], size, shard)


def _derived(field: Field, frame: Callable[[], tf.Tensor]) -> tf.Tensor:
    return frame() if field.derive is _same else tf.numpy_function(field.derive, [frame()], tf.uint8, stateful=False)


def _decode_image(png: tf.Tensor, field: Field, size: int, shard: tf.Tensor | str) -> tf.Tensor:
    header = PNG_START + struct.pack(PNG_HEADER, size, size, *_pixels(field))
    right = tf.equal(tf.strings.substr(png, 0, len(header)), header)
    message = f"{field.name} is not a PNG of {size} x {size} pixels, 8 bits and {field.shape[0]} channel(s)"
    checked = tf.debugging.Assert(right, [message, shard])
    with tf.control_dependencies([checked] if checked is not None else []):  # eager code is in order without it
        image = tf.io.decode_png(png, channels=field.shape[0])
    return tf.ensure_shape(image, (size, size, field.shape[0]))


def _value(field: Field, feature: tf.train.Feature) -> object:
    if field.kind in ("image", "text", "texts"):
        values = feature.bytes_list.value
        if not values or (field.kind != "texts" and len(values) != 1):
            raise SchemaError(f"{field.name} holds {len(values)} values; the record is damaged.")
        if field.kind == "image":
            return DERIVED if field.derive is not None and not values[0] else _image(field, values[0])
        try:
            texts = [value.decode() for value in values]
        except UnicodeDecodeError as error:
            raise SchemaError(f"{field.name} is not UTF-8 text; the record is damaged.") from error
        return texts if field.kind == "texts" else texts[0]
    values = np.array((feature.int64_list if field.kind == "int" else feature.float_list).value)
    if values.size != int(np.prod(field.shape, dtype=int)):
        raise SchemaError(
            f"{field.name} holds {values.size} numbers, its shape is {field.shape}; the record is damaged."
        )
    _check_range(field, values)
    return int(values[0]) if field.kind == "int" else values.astype(np.float32).reshape(field.shape)


def _image(field: Field, png: bytes) -> np.ndarray:
    if not png.startswith(PNG_START) or not len(PNG_START) + struct.calcsize(PNG_HEADER) <= len(png) <= MAX_PNG_BYTES:
        raise SchemaError(f"{field.name} is not a PNG image; the record is damaged.")
    width, height, *pixels = struct.unpack_from(PNG_HEADER, png, len(PNG_START))
    if max(width, height) > MAX_SIDE:
        raise SchemaError(
            f"{field.name} is {width} x {height} pixels, more than {MAX_SIDE}; `tfafsr build` did not write it."
        )
    if tuple(pixels) != _pixels(field):
        bits, colour, *_, interlaced = pixels
        found = f"{bits} bits, colour type {colour}" + (", interlaced" if interlaced else "")
        raise SchemaError(
            f"{field.name} is a PNG of {found}; 8 bits and colour type {PNG_COLOURS[field.shape[0]]} are due. "
            "Build the records again."
        )
    image = cv2.imdecode(
        np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR if field.shape == (3,) else cv2.IMREAD_GRAYSCALE
    )
    if image is None:
        raise SchemaError(f"{field.name} is a damaged PNG image; build the records again.")
    return np.ascontiguousarray(image[..., ::-1]) if field.shape == (3,) else image[..., None]


def _pixels(field: Field) -> tuple[int, int, int, int, int]:
    """How the header of a field's PNG ends: bits, colour type, compression, filter, interlace."""
    return 8, PNG_COLOURS[field.shape[0]], 0, 0, 0
