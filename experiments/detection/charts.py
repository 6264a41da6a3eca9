"""Draws a person's likelihood ratio over time as SVG."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from xml.sax.saxutils import escape

from experiments.detection.answers import Person
from experiments.detection.scale import BOUNDS, WORDS

HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 210, 14, 34, 46, 10  # of the picture and its margins
LEAST, MOST = 1.5, 4.0  # powers of ten above and below 0 that are shown
DOTS = 400  # more sights are drawn as means of neighbours


@dataclasses.dataclass(frozen=True)
class _Scale:
    """From seconds and powers of ten to the picture's units."""

    width: int
    start: float
    end: float
    reach: float

    def x(self, second: float) -> float:
        return LEFT + (self.width - LEFT - RIGHT) * (second - self.start) / (self.end - self.start)

    def y(self, ratio: float) -> float:
        inside = max(-self.reach, min(self.reach, ratio))
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.reach - inside) / (2 * self.reach)


def over_time(person: Person, width: int, title: str) -> str:
    """An SVG picture: one dot a sight, a line through them, and bands for the words of the scale.

    Args:
        person: the person.
        width: in CSS pixels; the text keeps its size, so a narrow page needs a narrow picture.
        title: read out by screen readers.
    """
    points = _thinned([(sight.second, sight.log10_likelihood_ratio) for sight in person.sights])
    start, end = points[0][0], points[-1][0]
    reach = min(MOST, max(LEAST, *(abs(ratio) * 1.1 for _, ratio in points)))
    scale = _Scale(width, start, end if end > start else start + 1, reach)
    parts = [
        f'<svg viewBox="0 0 {width} {HEIGHT}" width="{width}" height="{HEIGHT}" role="img">'
        f"<title>{escape(title)}</title>",
        *_bands(scale),
        *_axis(scale, start, end),
    ]
    path = " ".join(f"{scale.x(second):.1f},{scale.y(ratio):.1f}" for second, ratio in points)
    parts.append(f'<polyline class="line" points="{path}"/>')
    parts += [
        f'<circle class="dot" cx="{scale.x(second):.1f}" cy="{scale.y(ratio):.1f}" r="2.5"/>'
        for second, ratio in points
    ]
    return "".join([*parts, "</svg>"])


def _bands(scale: _Scale) -> list[str]:
    """A tinted band for each word, in both directions, and the likelihood ratio at each bound."""
    ends = [0.0, *(math.log10(bound) for bound in BOUNDS), math.inf]
    parts = []
    for sign, claim in ((1, "manipulated"), (-1, "original")):
        for step, _ in enumerate(WORDS):
            low, high = min(ends[step], scale.reach), min(ends[step + 1], scale.reach)
            if high > low:
                top, bottom = sorted((scale.y(sign * low), scale.y(sign * high)))
                parts.append(
                    f'<rect class="{claim}-{step}" x="{LEFT}" y="{top:.1f}" width="{scale.width - LEFT - RIGHT}" '
                    f'height="{bottom - top:.1f}"/>'
                )
    for power in range(-int(scale.reach), int(scale.reach) + 1):
        text = f"{10**power:,}" if power >= 0 else f"1/{10**-power:,}"
        parts.append(
            f'<text x="{LEFT - 6}" y="{scale.y(power) + 4:.1f}" text-anchor="end">{text}</text>'
            f'<line class="grid" x1="{LEFT}" x2="{scale.width - RIGHT}" y1="{scale.y(power):.1f}" '
            f'y2="{scale.y(power):.1f}"/>'
        )
    return parts


def _axis(scale: _Scale, start: float, end: float) -> list[str]:
    marks = sorted({start, end} if end > start else {start})
    parts = [
        f'<text x="{scale.x(mark):.1f}" y="{HEIGHT - BOTTOM + 16}" '
        f'text-anchor="{"end" if mark == end and end > start else "start"}">{clock(mark)}</text>'
        for mark in marks
    ]
    middle = (LEFT + scale.width - RIGHT) / 2
    parts.append(f'<text x="{middle}" y="{HEIGHT - 4}" text-anchor="middle">time in the video</text>')
    return parts


def clock(second: float) -> str:
    """`1:02.5`, or `1:01:02` for long videos."""
    minutes, rest = divmod(second, 60)
    hours, minutes = divmod(int(minutes), 60)
    return f"{hours}:{minutes:02d}:{int(rest):02d}" if hours else f"{minutes}:{rest:04.1f}"


def _thinned(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """At most `DOTS` points, means of neighbours."""
    group = math.ceil(len(points) / DOTS)
    return [
        tuple(sum(column) / len(column) for column in zip(*points[index : index + group], strict=True))
        for index in range(0, len(points), group)
    ]
