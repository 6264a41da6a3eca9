"""The error that videos and pictures raise."""

from __future__ import annotations

from records.errors import DataError


class VideoError(DataError):
    """A video or picture that cannot be read or written as asked; the message names it."""


def said(error: Exception) -> str:
    """What FFmpeg says went wrong, without its number."""
    return str(getattr(error, "strerror", None) or error)
