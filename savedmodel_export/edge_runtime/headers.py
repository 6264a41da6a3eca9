"""Reads the width and height of an image from its header, so that an image that is too large is never decoded."""

from __future__ import annotations

import struct

ENDINGS = {".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff"}
NO_LENGTH = {0x00, 0x01, *range(0xD0, 0xD9)}  # markers of a JPEG that no length and no content follow
FRAME_HEADERS = set(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # markers whose segment holds the size of a JPEG
MAX_SEGMENTS = 10_000  # of a JPEG, before the one that holds the size
TIFF_WIDTH, TIFF_HEIGHT = 256, 257
TIFF_TYPES = {3: "H", 4: "I", 16: "Q"}


def is_image(data: bytes) -> bool:
    """Whether a file is a JPEG, PNG, BMP, WebP or TIFF; `data` is at least its first 12 bytes."""
    return _reader(data) is not None


def image_size(data: bytes) -> tuple[int, int] | None:
    """Width and height that the header of a JPEG, PNG, BMP, WebP or TIFF states.

    Args:
        data: the whole file.

    Returns:
        (width, height) in pixels; None for any other file, and if the header is cut off or invalid.
    """
    reader = _reader(data)
    try:
        return reader(data) if reader else None
    except (struct.error, IndexError, KeyError, ValueError):  # cut off, or no such field
        return None


def _reader(data: bytes):
    """The function that reads the size of this kind of image, chosen by its first bytes; None for other files."""
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return _png
    if data[:3] == b"\xff\xd8\xff":
        return _jpeg
    if data[:2] == b"BM":
        return _bmp
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return _webp
    return _tiff if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") else None


def _png(data: bytes) -> tuple[int, int]:
    return struct.unpack_from(">II", data, 16)


def _jpeg(data: bytes) -> tuple[int, int] | None:
    at = 2
    for _ in range(MAX_SEGMENTS):
        at = data.index(b"\xff", at) + 1
        marker = data[at]
        if marker == 0xFF or marker in NO_LENGTH:
            continue
        if marker in FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 4)
            return width, height
        at += 1 + struct.unpack_from(">H", data, at + 1)[0]
    return None


def _bmp(data: bytes) -> tuple[int, int]:
    (length,) = struct.unpack_from("<I", data, 14)
    width, height = struct.unpack_from("<HH" if length == 12 else "<ii", data, 18)
    return abs(width), abs(height)  # a negative height: the rows are stored from the top


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return tuple(1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack_from("<HH", data, 26)
    return width & 0x3FFF, height & 0x3FFF


def _tiff(data: bytes) -> tuple[int, int]:
    order = "<" if data[:2] == b"II" else ">"
    if b"+" in data[2:4]:  # BigTIFF
        (directory,) = struct.unpack_from(order + "Q", data, 8)
        (count,) = struct.unpack_from(order + "Q", data, directory)
        entry, first, inline = 20, directory + 8, 12
    else:
        (directory,) = struct.unpack_from(order + "I", data, 4)
        (count,) = struct.unpack_from(order + "H", data, directory)
        entry, first, inline = 12, directory + 2, 8
    sides = {}
    for index in range(min(count, 2**16)):
        at = first + index * entry
        tag, kind = struct.unpack_from(order + "HH", data, at)
        if tag in (TIFF_WIDTH, TIFF_HEIGHT):
            (sides[tag],) = struct.unpack_from(order + TIFF_TYPES[kind], data, at + inline)
    return sides[TIFF_WIDTH], sides[TIFF_HEIGHT]
