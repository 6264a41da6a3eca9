"""How an attack can end, and the judgement of a refusal's message."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

REFUSED = "refused"  # with a message that names the file, field or row
HARMLESS = "harmless"  # the result is that of the undamaged input
FINDINGS = {
    "silent": "accepted, and the result differs from the undamaged one",
    "vague": "refused with a message that names neither file nor field nor row, or that holds a library's internals",
    "traceback": "an exception that is not meant for users",
    "hang": "no answer in the time allowed",
    "crash": "the process died",
    "memory": "far more memory than the input is worth",
}
INTERNALS = ("Traceback", "{{node", "{{function_node", "Graph execution error", "[Op:", "site-packages")
LONGEST_MESSAGE = 2000  # characters; nobody reads more


@dataclasses.dataclass(frozen=True)
class Verdict:
    """How one attack ended.

    Attributes:
        attack: what was done, in words.
        result: REFUSED, HARMLESS or a key of FINDINGS.
        detail: the message, the traceback, or what differs.
    """

    attack: str
    result: str
    detail: str = ""

    @property
    def finding(self) -> bool:
        """Whether this must be mended."""
        return self.result in FINDINGS


def refusal(message: str, names: Iterable[str], internals: Iterable[str] = INTERNALS) -> tuple[str, str]:
    """(REFUSED, message), or ("vague", message) where the message does not help.

    Args:
        message: that the user gets.
        names: of which the message must hold one: of files, fields or rows.
        internals: texts that it must not hold.
    """
    clear = any(name in message for name in names) and not any(text in message for text in internals)
    return (REFUSED if clear and len(message) <= LONGEST_MESSAGE else "vague"), message
