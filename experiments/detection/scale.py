"""Likelihood ratios in words.

The scale is that of the European Network of Forensic Science Institutes, "Guideline for Evaluative Reporting in
Forensic Science" (2015), without its two highest steps: no detector of forgeries is tested on enough faces for them.
"""

from __future__ import annotations

import bisect
import dataclasses
from typing import Literal

BOUNDS = (2.0, 10.0, 100.0, 1000.0)  # likelihood ratios at which the next word begins
WORDS = ("no", "weak", "moderate", "moderately strong", "strong")


@dataclasses.dataclass(frozen=True)
class Support:
    """How far a likelihood ratio supports one of two claims.

    Attributes:
        strength: one of `WORDS`.
        of: the claim; None if neither is supported.
    """

    strength: str
    of: Literal["manipulated", "not manipulated"] | None

    def __str__(self) -> str:
        if self.of is None:
            return "no support for either claim"
        return f"{self.strength} support that the face is {self.of}"


def support(log10_likelihood_ratio: float) -> Support:
    """The words for a likelihood ratio; those of its inverse, for the other claim, if it is below 1.

    Args:
        log10_likelihood_ratio: a finite number.

    Raises:
        ValueError: it is NaN.
    """
    if log10_likelihood_ratio != log10_likelihood_ratio:
        raise ValueError("log10_likelihood_ratio must be a number; received NaN.")
    strength = WORDS[bisect.bisect_right(BOUNDS, 10 ** min(abs(log10_likelihood_ratio), 300.0))]
    if strength == WORDS[0]:
        return Support(strength, None)
    return Support(strength, "manipulated" if log10_likelihood_ratio > 0 else "not manipulated")
