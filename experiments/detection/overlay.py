"""Writes an annotated copy of a picture or video: a box around each face, with the person's number and answer."""

from __future__ import annotations

import bisect
from pathlib import Path

import cv2
import numpy as np

from experiments.detection.answers import Answer, Person
from experiments.detection.scale import support
from experiments.detection.words import number
from records.atomic import atomic_file
from records.footage import read_picture, redraw

HELD = 0.5  # seconds for which a box stays after the last frame in which the person was seen
COLORS = {"manipulated": (255, 72, 48), "not manipulated": (64, 150, 255), None: (235, 235, 235)}
FONT, DARK = cv2.FONT_HERSHEY_SIMPLEX, (20, 20, 20)


def write_overlay(answer: Answer, out: Path) -> Path:
    """Writes the copy.

    Args:
        answer: about a file in which somebody can be judged.
        out: the copy without its suffix: .png for a picture; .mp4, or .mkv, for a video.

    Returns:
        The file that was written.

    Raises:
        DataError: the file cannot be read, or the copy not written.
    """
    if answer.kind == "picture":
        image = _drawn(read_picture(answer.path), [(one, one.sights[0].box) for one in answer.people])
        target = out.with_name(f"{out.name}.png")
        with atomic_file(target) as temporary:
            temporary.write_bytes(cv2.imencode(".png", image[..., ::-1])[1].tobytes())
        return target
    places = [_Places(person) for person in answer.people]

    def draw(index: int, rgb: np.ndarray) -> np.ndarray:
        seen = [(place.person, box) for place in places if (box := place.at(index)) is not None]
        return _drawn(rgb, seen)

    return redraw(answer.path, out, draw)


class _Places:
    """Where a person is in each frame: between two frames that were looked at, on a straight line."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self._frames = [sight.frame for sight in person.sights]
        seconds = person.sights[-1].second
        self._held = HELD * (self._frames[-1] / seconds if seconds else 1.0)  # in frames

    def at(self, frame: int) -> np.ndarray | None:
        """The box y0, x0, y1, x1; None if the person is not in sight."""
        after = bisect.bisect_left(self._frames, frame)
        sights = self.person.sights
        if after < len(sights) and self._frames[after] == frame:
            return np.array(sights[after].box)
        if after == 0 or frame - self._frames[after - 1] > self._held:
            return None
        before = np.array(sights[after - 1].box)
        if after == len(sights) or self._frames[after] - self._frames[after - 1] > 2 * self._held:
            return before
        share = (frame - self._frames[after - 1]) / (self._frames[after] - self._frames[after - 1])
        return before + share * (np.array(sights[after].box) - before)


def _drawn(rgb: np.ndarray, seen: list[tuple[Person, np.ndarray]]) -> np.ndarray:
    image = np.ascontiguousarray(rgb)
    line = max(1, round(min(image.shape[:2]) / 240))
    size = max(0.4, min(image.shape[:2]) / 800)
    for person, box in seen:
        found = support(person.log10_likelihood_ratio)
        color = COLORS[found.of]
        y0, x0, y1, x1 = (round(float(edge)) for edge in box)
        cv2.rectangle(image, (x0, y0), (x1, y1), DARK, 3 * line)
        cv2.rectangle(image, (x0, y0), (x1, y1), color, line)
        words = f"{found.strength} support" + (f": {found.of}" if found.of else "")
        for row, text in enumerate((f"person {person.number}, ratio {number(person.log10_likelihood_ratio)}", words)):
            (width, height), base = cv2.getTextSize(text, FONT, size, line)
            x = min(max(0, x0), max(0, image.shape[1] - width - 8))
            y = min(y1 + 4, image.shape[0] - 2 * (height + base + 6)) + row * (height + base + 6)
            cv2.rectangle(image, (x, y), (x + width + 8, y + height + base + 6), DARK, -1)
            cv2.putText(image, text, (x + 4, y + height + 3), FONT, size, color, line, cv2.LINE_AA)
    return image
