"""The exception for errors of the user; its message names the file, what is wrong and what to do."""

from __future__ import annotations


class EdgeError(ValueError):
    """Input or a bundle that cannot be used as it is."""
