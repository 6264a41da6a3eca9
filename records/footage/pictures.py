"""Picture files: their format by the first bytes, their decoder's options, and whether a JPEG is complete."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from records.footage.errors import VideoError

JPEG, TIFF = "jpeg_pipe", "tiff_pipe"
FORMATS = {b"\xff\xd8": JPEG, b"\x89P": "png_pipe", b"BM": "bmp_pipe", b"II": TIFF, b"MM": TIFF}
STRICT = {"err_detect": "explode"}
"""Makes FFmpeg's decoders stop at the first error; otherwise they fill missing pixels with grey."""
JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # not an escaped data byte, and not a restart marker
JPEG_START, JPEG_END = 0xD8, 0xD9


def picture_format(path: Path | str) -> str | None:
    """The name of FFmpeg's reader for a picture, by the file's first bytes; None for other files.

    FFmpeg itself would guess from the file's name and would read a pattern such as `%d` as several files.
    """
    with open(path, "rb") as file:
        start = file.read(12)
    return "webp_pipe" if start[8:] == b"WEBP" else FORMATS.get(start[:2])


def decoder_options(form: str | None) -> dict[str, str]:
    """Options of the decoder for a picture format; none for videos.

    TIFF needs no strict decoding: its decoder refuses cut files anyway, and in strict mode also complete files with
    tags that it does not know.
    """
    return {} if form in (None, TIFF) else STRICT


def check_complete(path: Path | str, form: str | None) -> None:
    """Raises `VideoError` for a JPEG without end marker: a progressive one would decode to a blurred picture."""
    if form != JPEG:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not _jpeg_ends(data):
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
