"""Requests to a SavedModel with a wrong shape, rank, type, count or content, and unusual ones that are valid."""

from __future__ import annotations

import dataclasses
import struct
import zlib
from collections.abc import Callable

import cv2
import numpy as np

from experiments.attacks.untrained import SIZE

Generator = np.random.Generator
Arrays = dict[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Request:
    """One request.

    Attributes:
        what: description in words.
        signature: name of the signature.
        inputs: name -> array.
        must: the outcome: `be refused`, `be answered` (with numbers in their range) or `be refused or answered`.
        like: the inputs of a plain request that must get the same answer, and the tolerance of the probabilities; None
            if there is none.
    """

    what: str
    signature: str
    inputs: Arrays
    must: str = "be refused"
    like: tuple[str, Arrays, float] | None = None


def _arrays(rng: Generator, faces: Arrays) -> tuple[str, Arrays]:
    """A signature that takes arrays, and a valid request to it with one to four faces."""
    count = int(rng.integers(1, 5))
    return ("serving_default", "explain")[rng.integers(2)], {name: value[:count] for name, value in faces.items()}


def wrong_shape(rng: Generator, faces: Arrays) -> Request:
    signature, inputs = _arrays(rng, faces)
    count, side = len(inputs["frame"]), SIZE
    frames = [(count, side, side), (count, side, side, 1), (count, side, side, 4), (count, side - 1, side, 3)]
    frames += [(count, side, 2 * side, 3), (count, side // 2, 2 * side, 3), (side, side, 3), (count, 0, 0, 3)]
    frames += [(), (1,), (1, count, side, side, 3), (count, side * side * 3), (count, 3, side, side), (count, 1, 1, 3)]
    points = [(count, 10), (count, 2, 5), (count, 5), (count, 5, 3), (count, 4, 2), (5, 2), (), (count, 0, 2)]
    points += [(count, 5, 2, 1), (1, count, 5, 2), (count, 5, 0), (0,)]
    name = ("frame", "keypoints")[rng.integers(2)]
    shapes = frames if name == "frame" else points
    shape = shapes[rng.integers(len(shapes))]
    bad = {**inputs, name: np.full(shape, 0.5, np.float32).astype(inputs[name].dtype)}
    return Request(f"{name} of shape {shape}", signature, bad)


def wrong_type(rng: Generator, faces: Arrays) -> Request:
    signature, inputs = _arrays(rng, faces)
    name = ("frame", "keypoints")[rng.integers(2)]
    types = [np.int32, np.int64, np.float64, np.bool_, np.float16, np.complex64]
    types.append(np.float32 if name == "frame" else np.uint8)
    dtype = types[rng.integers(len(types))]
    return Request(f"{name} of {np.dtype(dtype)}", signature, {**inputs, name: inputs[name].astype(dtype)})


def wrong_count(rng: Generator, faces: Arrays) -> Request:
    signature, inputs = _arrays(rng, faces)
    frames, points = [(0, 0), (1025, 1025), (3, 2), (2, 3), (1, 0), (0, 1), (1, 1024)][rng.integers(7)]
    inputs = {"frame": _repeated(faces["frame"], frames), "keypoints": _repeated(faces["keypoints"], points)}
    return Request(f"{frames} frames, {points} rows of key points", signature, inputs)


def many_faces(rng: Generator, faces: Arrays) -> Request:
    """More faces than a batch holds, which must be answered like single faces."""
    count = int((31, 32, 33, 65, 257)[rng.integers(5)])
    inputs = {name: _repeated(value, count) for name, value in faces.items()}
    return Request(f"{count} faces", "serving_default", inputs, "be answered", ("serving_default", faces, 1e-4))


def wrong_points(rng: Generator, faces: Arrays) -> Request:
    signature, inputs = _arrays(rng, faces)
    points = inputs["keypoints"].copy()
    place = tuple(int(rng.integers(side)) for side in points.shape)
    value = (np.nan, np.inf, -np.inf, -1e-7, 1.0000002, 1e38, -1.0, 2.0, 300.0)[rng.integers(9)]
    points[place] = value
    return Request(f"keypoints{list(place)} = {value}", signature, {**inputs, "keypoints": points})


def points_at_the_edge(rng: Generator, faces: Arrays) -> Request:
    signature, inputs = _arrays(rng, faces)
    value = (0.0, 1.0, -0.0, 1e-40)[rng.integers(4)]
    bad = {**inputs, "keypoints": np.full_like(inputs["keypoints"], value)}
    return Request(f"all key points at {value}", signature, bad, "be answered")


def extreme_frames(rng: Generator, faces: Arrays) -> Request:
    signature, inputs = _arrays(rng, faces)
    value = int((0, 255, 128)[rng.integers(3)])
    bad = {**inputs, "frame": np.full_like(inputs["frame"], value)}
    return Request(f"all pixels {value}", signature, bad, "be answered")


def bad_image(rng: Generator, faces: Arrays) -> Request:
    """One to four images, one of which is bad."""
    count = int(rng.integers(1, 5))
    images = encoded_faces(faces["frame"][:count])
    place = int(rng.integers(count))
    what, must, damage = BAD_IMAGES[rng.integers(len(BAD_IMAGES))]
    ending = (".jpg", ".png")[rng.integers(2)]
    images[place] = damage(rng, cv2.imencode(ending, faces["frame"][place][..., ::-1])[1].tobytes())
    inputs = {"image_bytes": images, "keypoints": faces["keypoints"][:count]}
    return Request(f"image_bytes[{place}] of {count}: {what} ({ending})", "faces_jpeg", inputs, must)


def unusual_image(rng: Generator, faces: Arrays) -> Request:
    """The same face in another kind of file, which must get the same answer."""
    frame = faces["frame"][0]
    gray = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY)
    bgr, three = frame[..., ::-1], np.repeat(gray[..., None], 3, axis=2)
    alpha = np.dstack([bgr, np.full(gray.shape, 255, np.uint8)])
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1]
    kinds = [
        ("a gray PNG", cv2.imencode(".png", gray), three),
        ("a gray JPEG", cv2.imencode(".jpg", gray, [cv2.IMWRITE_JPEG_QUALITY, 100]), three),
        ("a PNG with alpha", cv2.imencode(".png", alpha), frame),
        ("a 16-bit PNG", cv2.imencode(".png", bgr.astype(np.uint16) * 257), frame),
        ("a progressive JPEG", cv2.imencode(".jpg", bgr, [*progressive, cv2.IMWRITE_JPEG_QUALITY, 100]), frame),
    ]
    what, (_, data), alike = kinds[rng.integers(len(kinds))]
    if "JPEG" in what:
        alike = cv2.imdecode(data, cv2.IMREAD_COLOR)[..., ::-1]
    points = faces["keypoints"][:1]
    inputs = {"image_bytes": np.array([data.tobytes()], object), "keypoints": points}
    tolerance = 0.02 if "JPEG" in what else 1e-4  # decoders differ by a grey level in some pixels
    like = ("serving_default", {"frame": alike[None], "keypoints": points}, tolerance)
    return Request(what, "faces_jpeg", inputs, "be answered", like)


def wrong_image_shape(rng: Generator, faces: Arrays) -> Request:
    count = int(rng.integers(1, 5))
    images, points = encoded_faces(faces["frame"][:count]), faces["keypoints"][:count]
    shape = [(count, 1), (1, count), (), (0,), (count, 1, 1)][rng.integers(5)]
    changed = images[:0] if shape == (0,) else images[0] if shape == () else images.reshape(shape)
    bad = np.empty(shape, object)
    bad[...] = changed
    return Request(f"image_bytes of shape {shape}", "faces_jpeg", {"image_bytes": bad, "keypoints": points})


def other_image_counts(rng: Generator, faces: Arrays) -> Request:
    images, points = ((0, 0), (1025, 1025), (2, 1), (1, 2), (0, 1))[rng.integers(5)]
    inputs = {
        "image_bytes": _repeated(encoded_faces(faces["frame"]), images),
        "keypoints": _repeated(faces["keypoints"], points),
    }
    return Request(f"{images} images, {points} rows of key points", "faces_jpeg", inputs)


def any_description(rng: Generator, faces: Arrays) -> Request:
    """Any text, to which `describe` must answer."""
    text = [b"", b"\xff\xfe", b"x" * 2**24, b"\0" * 1000, "\u202e{}".encode()][rng.integers(5)]
    request = np.array([text] * int(rng.integers(1, 4)), object)
    return Request(f"describe {text[:8]!r} of {len(text)} bytes", "describe", {"request": request}, "be answered")


def wrong_description(rng: Generator, faces: Arrays) -> Request:
    shape = [(), (0,), (2, 2), (1, 1)][rng.integers(4)]
    request = np.empty(shape, object)
    request[...] = b"x"
    must = "be refused or answered" if shape == (0,) else "be refused"
    return Request(f"describe of shape {shape}", "describe", {"request": request}, must)


def encoded_faces(frames: np.ndarray) -> np.ndarray:
    """PNG files of faces, object (N,)."""
    return np.array([cv2.imencode(".png", frame[..., ::-1])[1].tobytes() for frame in frames], object)


def _repeated(values: np.ndarray, count: int) -> np.ndarray:
    return values[np.arange(count) % len(values)]


def _png(width: int, height: int, rows: bytes = b"") -> bytes:
    """A PNG with this size in its header and these rows, which may be missing."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def _jpeg_sides(data: bytes, width: int, height: int) -> bytes:
    """The JPEG with another size in its header; other data unchanged."""
    place = data.find(b"\xff\xc0")
    if not data.startswith(b"\xff\xd8") or place < 0:
        return _png(width, height)
    return data[: place + 5] + struct.pack(">HH", height, width) + data[place + 9 :]


def _scan_bomb(rng: Generator, data: bytes) -> bytes:
    """A progressive JPEG with its last scan repeated a thousand times."""
    picture = np.full((SIZE, SIZE, 3), 120, np.uint8)
    jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_PROGRESSIVE, 1])[1].tobytes()
    last = jpeg.rindex(b"\xff\xda")
    return jpeg[:last] + 1000 * jpeg[last:-2] + jpeg[-2:]


def _flipped(rng: Generator, data: bytes) -> bytes:
    content = bytearray(data)
    content[int(rng.integers(len(content)))] ^= int(rng.integers(1, 256))
    return bytes(content)


def _oblong(rng: Generator, data: bytes) -> bytes:
    return cv2.imencode(".png", np.full((SIZE, 2 * SIZE, 3), 120, np.uint8))[1].tobytes()


def _of_format(ending: str) -> Callable[[Generator, bytes], bytes]:
    return lambda rng, data: cv2.imencode(ending, np.full((SIZE, SIZE, 3), 120, np.uint8))[1].tobytes()


BAD_IMAGES: list[tuple[str, str, Callable[[Generator, bytes], bytes]]] = [
    ("empty", "be refused", lambda rng, data: b""),
    ("truncated", "be refused", lambda rng, data: data[: int(rng.integers(1, len(data) * 3 // 4))]),
    ("the first bytes alone", "be refused", lambda rng, data: data[: int(rng.integers(1, 40))]),
    ("noise", "be refused", lambda rng, data: rng.bytes(500)),
    ("text", "be refused", lambda rng, data: b"#EXTM3U\nhttp://localhost/\n"),
    ("a byte flipped", "be refused or answered", _flipped),
    ("65,000 x 65,000 by its header", "be refused", lambda rng, data: _jpeg_sides(data, 65000, 65000)),
    ("2,049 x 2,049 by its header", "be refused", lambda rng, data: _jpeg_sides(data, 2049, 2049)),
    ("2,048 x 2,048 by its header", "be refused or answered", lambda rng, data: _jpeg_sides(data, 2048, 2048)),
    ("0 x 0 by its header", "be refused", lambda rng, data: _jpeg_sides(data, 0, 0)),
    ("2^31 x 2^31 by its header", "be refused", lambda rng, data: _png(2**31, 2**31)),
    ("PNG rows missing", "be refused", lambda rng, data: _png(SIZE, SIZE, b"\0" * 100)),
    ("a bomb of scans", "be refused", _scan_bomb),
    ("9 MiB", "be refused", lambda rng, data: data + b"\0" * (9 * 2**20)),
    ("64 MiB of zeros", "be refused", lambda rng, data: b"\0" * 2**26),
    ("oblong", "be refused", _oblong),
    ("a BMP", "be refused", _of_format(".bmp")),
    ("a WebP", "be refused", _of_format(".webp")),
    ("a TIFF", "be refused", _of_format(".tiff")),
    ("a GIF", "be refused", lambda rng, data: b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + bytes(6) + b";"),
]
REQUEST_ATTACKS: tuple[Callable[[Generator, Arrays], Request], ...] = (
    wrong_shape,
    bad_image,
    wrong_type,
    wrong_points,
    bad_image,
    wrong_count,
    unusual_image,
    wrong_image_shape,
    bad_image,
    points_at_the_edge,
    other_image_counts,
    extreme_frames,
    any_description,
    many_faces,
    wrong_description,
)
