"""What a file's headers tell of its compression."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from faces import quantization_tables
from records.footage import VideoError, VideoInfo, quantizer


def encoding_of(path: Path, about: VideoInfo, picture: bool, step: float | None = None) -> str | None:
    """A few words: `h264, 640 x 480, 0.052 bits a pixel, QP 44`, or `mjpeg, 800 x 600, JPEG quality of about 75`.

    Args:
        path: the file.
        about: its headers.
        picture: whether it is a picture.
        step: its quantizer, see `quantizer_of`.
    """
    words = [about.codec, f"{about.width} x {about.height}"]
    if picture:
        quality = jpeg_quality(path)
        words += [f"JPEG quality of about {quality}"] if quality else []
    elif about.fps and about.bit_rate:
        words.append(f"{about.bit_rate / (about.fps * about.width * about.height):.3f} bits a pixel")
    if step is not None:
        words.append(f"QP {step:.0f}")
    return ", ".join(word for word in words if word)


def quantizer_of(path: Path) -> float | None:
    """See `records.footage.quantizer`; None also for a video that does not tell."""
    try:
        return quantizer(path)
    except (VideoError, OSError):
        return None  # whether the frames decode is told where they are read


def jpeg_quality(path: Path) -> int | None:
    """The quality of libjpeg's scale whose table for brightness has the nearest mean; None if it is no JPEG.

    Only the header is read.
    """
    try:
        with Image.open(path, formats=["JPEG"]) as image:
            table = image.quantization[0]
    except (OSError, ValueError, KeyError, SyntaxError, Image.DecompressionBombError, AttributeError):
        return None
    mean = sum(table) / len(table)
    return min(range(1, 101), key=lambda quality: abs(float(quantization_tables(quality)[0].mean()) - mean))
