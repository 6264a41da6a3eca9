"""Answers as lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.detection.answers import Answer, Person, shown
from records.progress import escaped

LIMITS = (
    "An answer rests on likelihood ratios, not on proof. That nothing was found does not mean that nothing was done; "
    "support for manipulation may come from filters, make-up or compression."
)


def lines(answer: Answer) -> Iterator[str]:
    """The answer: one line, and below it what it rests on."""
    name = escaped(shown(answer.path))
    if answer.strongest is None:
        yield f"{name}: cannot be judged: {escaped(answer.reason or 'nothing was found')}."
    else:
        of = f" Person {answer.strongest.number} of {len(answer.people)}." if len(answer.people) > 1 else ""
        yield f"{name}: {answer.support}.{of}"
        yield f"  {ratio(answer.strongest)}; {basis(answer, answer.strongest)}."
    if answer.people and answer.encoding:
        yield f"  Encoding: {escaped(answer.encoding)}."
    if answer.alarm:
        raised, share = "Alarm" if answer.alarm.raised else "No alarm", percent(answer.alarm.max_false_alarms)
        of = f" of {len(answer.people)} people" if len(answer.people) > 1 else ""
        yield f"  {raised}: at most {share} of real clips{of} are above {number(answer.alarm.threshold)}."
    for note in answer.notes:
        yield f"  Note: {escaped(note)}."


def summary(answers: Sequence[Answer]) -> Iterator[str]:
    """How many answers have which words, and what could not be judged."""
    counts: dict[str, int] = {}
    for answer in answers:
        key = str(answer.support) if answer.support else "cannot be judged"
        counts[key] = counts.get(key, 0) + 1
    yield f"{len(answers)} files: " + "; ".join(f"{count} {words}" for words, count in sorted(counts.items())) + "."


def verdict(answer: Answer) -> str:
    """The support in words, or why there is none: what `lines` begins with."""
    return str(answer.support) if answer.support else f"cannot be judged: {answer.reason}"


def capitalised(text: str) -> str:
    """The text with its first letter large and all others as they are."""
    return text[0].upper() + text[1:]


def sentence(answer: Answer) -> str:
    """The answer as a sentence that can be copied, with what it rests on."""
    name = shown(Path(answer.path.name))
    if answer.strongest is None:
        return f"The {answer.kind or 'file'} “{name}” cannot be judged: {answer.reason}."
    who = f"person {answer.strongest.number} of {len(answer.people)}" if len(answer.people) > 1 else "the face"
    given = f"{who} in the {answer.kind} “{name}” gives {answer.support}".replace(" the face is", " it is")
    return f"{capitalised(given)} ({ratio(answer.strongest).lower()}; {basis(answer, answer.strongest)})."


def ratio(person: Person) -> str:
    """`Likelihood ratio 1.6 (95% interval ...)`."""
    text = f"Likelihood ratio {number(person.log10_likelihood_ratio)}"
    if person.interval:
        low, high = (number(end) for end in person.interval)
        text += f" (95% interval over the clip's seconds: {low} to {high})"
    return text


def basis(answer: Answer, person: Person) -> str:
    """`16 of 16 frames with a face of 412 pixels`."""
    face = f"a face of {person.side} pixels"
    if answer.kind == "picture":
        return face
    return f"{len(person.sights)} of {answer.frames} frames with {face}"


def number(log10: float) -> str:
    """A likelihood ratio with two digits; below 1 as a fraction: 1/3.2."""
    value = 10 ** min(abs(log10), 6.0)
    text = f"{value:.1f}" if value < 9.95 else f"{float(f'{value:.2g}'):,.0f}" if value < 100 else f"{value:,.0f}"
    return f"1/{text}" if log10 < 0 and text != "1.0" else text


def percent(share: float) -> str:
    """A share as a percentage with one digit behind the point: 19.4%, 1%."""
    return f"{share:.1%}".replace(".0%", "%")
