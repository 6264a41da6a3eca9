"""The possible results of an attack, and the check of a refusal's message."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

REFUSED = "refused"  # with a message that names the file, field or row
HARMLESS = "harmless"  # the result is that of the undamaged input
FINDINGS = {
    "silent": "accepted, and the result differs from that of the intact input",
    "vague": "refused with a message that names neither file nor field nor row, or that holds a library's internals",
    "traceback": "an exception that is not meant for users",
    "hang": "no answer in the time allowed",
    "crash": "the process died",
    "memory": "more memory than the target allows",
}
INTERNALS = ("Traceback", "{{node", "{{function_node", "Graph execution error", "[Op:", "site-packages")
LONGEST_MESSAGE = 2000  # characters


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The result of one attack.

    Attributes:
        attack: the attack in words.
        result: REFUSED, HARMLESS or a key of FINDINGS.
        detail: the message, the traceback, or what differs.
    """

    attack: str
    result: str
    detail: str = ""

    @property
    def finding(self) -> bool:
        """Whether the result is a fault of the reader."""
        return self.result in FINDINGS


def refusal(message: str, names: Iterable[str], internals: Iterable[str] = INTERNALS) -> tuple[str, str]:
    """(REFUSED, message), or ("vague", message) where the message does not help.

    Args:
        message: the message that the user gets.
        names: names of files, fields or rows, one of which the message must contain.
        internals: texts that the message must not contain.
    """
    clear = any(name in message for name in names) and not any(text in message for text in internals)
    return (REFUSED if clear and len(message) <= LONGEST_MESSAGE else "vague"), message
