"""Picture files: their formats by the first bytes, how strictly they are decoded, and whether a JPEG is whole."""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from records.footage.errors import VideoError

JPEG, TIFF = "jpeg_pipe", "tiff_pipe"
FORMATS = {b"\xff\xd8": JPEG, b"\x89P": "png_pipe", b"BM": "bmp_pipe", b"II": TIFF, b"MM": TIFF}
STRICT = {"err_detect": "explode"}
"""FFmpeg's decoders fill what is missing with grey unless they are told to stop at the first error."""
JPEG_MARKER = re.compile(rb"\xff([^\x00\xff\xd0-\xd7])")  # neither data nor a restart, which has no length
JPEG_START, JPEG_END = 0xD8, 0xD9


def picture_format(path: Path | str) -> str | None:
    """The name of FFmpeg's reader for a picture, by its first bytes; None for anything else.

    FFmpeg's own guess goes by the name, which may hold a pattern such as `%d` that stands for other files.
    """
    with open(path, "rb") as file:
        start = file.read(12)
    return "webp_pipe" if start[8:] == b"WEBP" else FORMATS.get(start[:2])


def decoder_options(form: str | None) -> dict[str, str]:
    """Options of the decoder for a picture of that format; none for videos.

    The TIFF decoder refuses cut files without, and with it many whole ones whose tags it does not know.
    """
    return {} if form in (None, TIFF) else STRICT


def check_whole(path: Path | str, form: str | None) -> None:
    """Raises `VideoError` for a JPEG without its end: one cut between two passes decodes, but to a blurred picture."""
    if form != JPEG:
        return
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if not _jpeg_ends(data):
            raise VideoError(f"{path} does not decode to its end: it is cut off. Get it again.")


def _jpeg_ends(data: mmap.mmap) -> bool:
    """Whether the marker of the end follows the segments; thumbnails lie inside of segments and are stepped over."""
    position = 2
    while found := JPEG_MARKER.search(data, position):
        position, kind = found.end(), found[1][0]
        if kind == JPEG_END:
            return True
        if kind != JPEG_START:
            position += int.from_bytes(data[position : position + 2], "big")
    return False
