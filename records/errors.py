"""The one exception that speaks to the user: it names the file, clip or field at fault and what to do about it."""

from __future__ import annotations


class DataError(ValueError):
    """Input that cannot be used as it is.

    The command line prints the message without a traceback, so the message alone must say what is wrong and what to do.
    """

    for_user = True
