"""The exception for videos and pictures that cannot be read or written."""

from __future__ import annotations

from records.errors import DataError


class VideoError(DataError):
    """A video or picture that cannot be read or written as asked; the message names it."""


def ffmpeg_message(error: Exception) -> str:
    """FFmpeg's message, without the error number."""
    return str(getattr(error, "strerror", None) or error)
