"""The exception for errors that a user can cause; its message names the file, clip or field and what to do."""

from __future__ import annotations


class DataError(ValueError):
    """Input or surroundings (a full disk, a missing file) that the user can mend.

    The command line prints only the message, without a traceback: it must say what is wrong and what to do.
    """

    for_user = True
