"""Picture files: their format by the first bytes, their decoder's options, and whether a JPEG or TIFF is complete."""

from __future__ import annotations

import mmap
import re
import struct
from pathlib import Path

from records.footage.errors import VideoError

JPEG, TIFF = "jpeg_pipe", "tiff_pipe"
FORMATS = {b"\xff\xd8": JPEG, b"\x89P": "png_pipe", b"BM": "bmp_pipe", b"II": TIFF, b"MM": TIFF}
STRICT = {"err_detect": "explode"}
"""Makes FFmpeg's decoders stop at the first error; otherwise they fill missing pixels with grey."""
JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # not an escaped data byte, and not a restart marker
WEBP_MOVES = 0x02  # the flag, in the first byte of the chunk VP8X
JPEG_START, JPEG_END = 0xD8, 0xD9
TIFF_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}  # bytes of a value, by type
TIFF_NUMBERS = {3: "H", 4: "I"}
TIFF_DATA = ((273, 279), (324, 325))  # tags of the offsets and lengths of strips and of tiles


def picture_format(path: Path | str) -> str | None:
    """The name of FFmpeg's reader for a picture, by the file's first bytes; None for other files.

    FFmpeg itself would guess from the file's name and would read a pattern such as `%d` as several files.
    """
    with open(path, "rb") as file:
        start = file.read(12)
    return "webp_pipe" if start[8:] == b"WEBP" else FORMATS.get(start[:2])


def is_moving_webp(path: Path | str) -> bool:
    """Whether a file is a WebP with several frames, which FFmpeg cannot read: a flag in its header says so."""
    with open(path, "rb") as file:
        start = file.read(21)
    return start[8:16] == b"WEBPVP8X" and bool(start[20:] and start[20] & WEBP_MOVES)


def decoder_options(form: str | None) -> dict[str, str]:
    """Options of the decoder for a picture format; none for videos.

    TIFF needs no strict decoding, because `check_complete` refuses cut files; in strict mode its decoder also refuses
    complete files with tags that it does not know.
    """
    return {} if form in (None, TIFF) else STRICT


def check_complete(path: Path | str, form: str | None) -> None:
    """Raises `VideoError` for a JPEG or TIFF that is cut off, which might decode to a wrong picture.

    A progressive JPEG without its end becomes blurred. A TIFF without the end of its directory loses the tags that tell
    how its pixels are stored.
    """
    complete = {JPEG: _jpeg_ends, TIFF: _tiff_ends}.get(form)
    if complete is None:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not complete(data):
            raise VideoError(f"{path} does not decode: its end is cut off. Get it again.")


def _jpeg_ends(data: mmap.mmap) -> bool:
    """Whether an end marker follows; segments, in which thumbnails have their own end markers, are skipped."""
    position = 2
    while found := JPEG_MARKER.search(data, position):
        position, kind = found.end(), found[1][0]
        if kind == JPEG_END:
            return True
        if kind != JPEG_START:
            position += int.from_bytes(data[position : position + 2], "big")
    return False


def _tiff_ends(data: mmap.mmap) -> bool:
    """Whether the first directory, its values and the pixels that it points to lie inside the file."""
    order = "<" if data[:2] == b"II" else ">"
    try:
        (start,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, start)
        values = dict(_tiff_entry(data, order, start + 2 + 12 * index) for index in range(count))
    except struct.error:
        return False
    pairs = [zip(values.get(offsets, ()), values.get(lengths, ()), strict=False) for offsets, lengths in TIFF_DATA]
    return all(offset + length <= len(data) for pair in pairs for offset, length in pair)


def _tiff_entry(data: mmap.mmap, order: str, position: int) -> tuple[int, tuple[int, ...]]:
    """A tag and its values, which are empty unless they are unsigned numbers; `struct.error` if they are cut off."""
    tag, kind, count = struct.unpack_from(f"{order}HHI", data, position)
    length = count * TIFF_SIZES.get(kind, 0)
    start = position + 8 if length <= 4 else struct.unpack_from(f"{order}I", data, position + 8)[0]
    struct.unpack_from("4x", data, position + 8)
    if start + length > len(data):
        raise struct.error
    return tag, struct.unpack_from(f"{order}{count}{TIFF_NUMBERS[kind]}", data, start) if kind in TIFF_NUMBERS else ()
