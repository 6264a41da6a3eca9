"""The answer about one file: people, what was measured of them, why something cannot be judged; and its JSON."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import stdtrit

from experiments.detection.evidence import Shot
from experiments.detection.scale import Support, support

SCHEMA = 1  # number of the form of the JSON; it changes when a field is removed or changes its meaning
BLOCK = 1.0  # seconds; frames so close together are one observation
FEWEST_BLOCKS = 3  # for an interval


@dataclasses.dataclass(frozen=True)
class Sight:
    """One person in one frame.

    Attributes:
        frame: index of the frame in the file.
        second: its time.
        box: y0, x0, y1, x1 of the face in pixels of the frame.
        side: side of the square crop in pixels of the frame, before it is brought to the model's size.
        log10_likelihood_ratio: how many times as likely the face is if it is manipulated, as a power of ten.
        probability: that it is manipulated, at even odds.
    """

    frame: int
    second: float
    box: tuple[float, float, float, float]
    side: int
    log10_likelihood_ratio: float
    probability: float


@dataclasses.dataclass(frozen=True)
class Person:
    """One person in a file.

    Attributes:
        number: from 1, in the order in which people appear.
        sights: the frames in which the person was seen and scored, in order.
    """

    number: int
    sights: tuple[Sight, ...]

    @property
    def log10_likelihood_ratio(self) -> float:
        """Mean over the sights.

        The sum would hold only for independent frames. Those of a clip show the same face and the same compression, so
        many frames count as much as one, measured more exactly.
        """
        return float(np.mean([sight.log10_likelihood_ratio for sight in self.sights]))

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95% interval of that mean, from the spread of the means of seconds (Student's t); None below 3 seconds.

        It tells how much the clip's own frames differ, and nothing about other mistakes of the model.
        """
        blocks: dict[int, list[float]] = {}
        for sight in self.sights:
            blocks.setdefault(int(sight.second // BLOCK), []).append(sight.log10_likelihood_ratio)
        means = [np.mean(block) for block in blocks.values()]
        if len(means) < FEWEST_BLOCKS:
            return None
        half = stdtrit(len(means) - 1, 0.975) * np.std(means, ddof=1) / np.sqrt(len(means))
        middle = self.log10_likelihood_ratio
        return float(middle - half), float(middle + half)

    @property
    def probability(self) -> float:
        """Of manipulation at even odds: L / (1 + L) for the likelihood ratio L."""
        return float(1 / (1 + 10 ** np.clip(-self.log10_likelihood_ratio, -300, 300)))

    @property
    def side(self) -> int:
        """Median side of the crops around the face, in pixels of the file's frames."""
        return round(float(np.median([sight.side for sight in self.sights])))


def ranked(people: Sequence[Person]) -> list[Person]:
    """People from the most to the least suspicious: by the mean log10 likelihood ratio less its standard error.

    Of many people, the one with the largest mean is often one who was seen in a single frame, by chance. The standard
    error is the file's own spread of frames around their person's mean, over the root of the number of frames; without
    a person who was seen twice it is 0.
    """
    ratios = [np.array([sight.log10_likelihood_ratio for sight in person.sights]) for person in people]
    within = [(values - values.mean()) ** 2 for values in ratios if len(values) > 1]
    degrees = sum(len(squares) - 1 for squares in within)
    spread = np.sqrt(sum(squares.sum() for squares in within) / degrees) if degrees else 0.0
    least = [float(values.mean() - spread / np.sqrt(len(values))) for values in ratios]
    return [people[index] for index in sorted(range(len(people)), key=lambda index: -least[index])]


@dataclasses.dataclass(frozen=True)
class Alarm:
    """Whether a file is above a threshold that few real clips pass.

    Attributes:
        max_false_alarms: the share of real clips, in (0, 1).
        threshold: the log10 likelihood ratio.
        raised: whether the strongest person is above it.
    """

    max_false_alarms: float
    threshold: float
    raised: bool


@dataclasses.dataclass(frozen=True)
class Answer:
    """What is said of one file.

    Attributes:
        path: the file.
        kind: `picture` or `video`; None if it did not open.
        people: those who can be judged; empty if nothing can.
        reason: why nothing can be judged; None if something can.
        notes: what a reader should know besides: a cut end, faces left out because they are small.
        frames: number of frames that were looked at.
        without_face: number of those in which no face was found.
        encoding: what is known of the compression, such as `h264, 0.05 bits a pixel`; None if unknown.
        quantizer: the median quantizer (QP) of an H.264 video; None for other files.
        alarm: None unless one was asked for.
        shots: pictures of the most suspicious frames; empty unless evidence was asked for.
    """

    path: Path
    kind: str | None
    people: tuple[Person, ...] = ()
    reason: str | None = None
    notes: tuple[str, ...] = ()
    frames: int = 0
    without_face: int = 0
    encoding: str | None = None
    quantizer: float | None = None
    alarm: Alarm | None = None
    shots: tuple[Shot, ...] = ()

    @property
    def strongest(self) -> Person | None:
        """The first of `ranked`: the answer about the file is that about this person."""
        return next(iter(ranked(self.people)), None)

    @property
    def support(self) -> Support | None:
        """The answer in words; None if the file cannot be judged."""
        return support(self.strongest.log10_likelihood_ratio) if self.strongest else None


def shown(path: Path) -> str:
    r"""A path for JSON and messages; bytes that are no UTF-8 are escaped, as in `\xff`."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def as_json(answer: Answer) -> dict[str, object]:
    """The answer as JSON values; `answer.schema.json` beside this file is its schema."""
    found = answer.support
    return {
        "schema": SCHEMA,
        "path": shown(answer.path),
        "kind": answer.kind,
        "judged": found is not None,
        "support": dataclasses.asdict(found) if found else None,
        "reason": answer.reason,
        "notes": list(answer.notes),
        "frames": answer.frames,
        "frames_without_face": answer.without_face,
        "encoding": answer.encoding,
        "quantizer": answer.quantizer,
        "alarm": _alarm(answer.alarm) if answer.alarm else None,
        "strongest_person": answer.strongest.number if answer.strongest else None,
        "people": [_person(person) for person in answer.people],
    }


def _alarm(alarm: Alarm) -> dict[str, object]:
    return {
        "max_false_alarms": alarm.max_false_alarms,
        "threshold": round(alarm.threshold, 4),
        "raised": alarm.raised,
    }


def _person(person: Person) -> dict[str, object]:
    return {
        "number": person.number,
        "log10_likelihood_ratio": round(person.log10_likelihood_ratio, 4),
        "log10_likelihood_ratio_ci95": [round(end, 4) for end in person.interval] if person.interval else None,
        "probability": round(person.probability, 4),
        "face_pixels": person.side,
        "sights": [
            {
                "frame": sight.frame,
                "second": round(sight.second, 3),
                "box": [round(edge, 1) for edge in sight.box],
                "log10_likelihood_ratio": round(sight.log10_likelihood_ratio, 4),
                "probability": round(sight.probability, 4),
            }
            for sight in person.sights
        ],
    }
