"""Writes answers as pages that need no network: one for each file, and an overview of several."""

from __future__ import annotations

import base64
import functools
import hashlib
import itertools
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2
import numpy as np
from markupsafe import Markup

from experiments.detection.answers import Answer, Person, as_json, ranked, shown
from experiments.detection.card import Row
from experiments.detection.charts import clock, over_time
from experiments.detection.evidence import CHANGE_GAIN, PEOPLE, Shot
from experiments.detection.models import Model
from experiments.detection.scale import support
from experiments.detection.words import LIMITS, basis, capitalised, number, percent, ratio, sentence, summary, verdict
from experiments.version import version
from records.atomic import write_json, write_text

REPORT, ANSWERS = "report.html", "answers.json"
WIDE, NARROW = 760, 350  # of the charts, CSS pixels
TONES = {"manipulated": "manipulated", "not manipulated": "original", None: "none"}
LONGEST_NAME = 60


def write_report(answer: Answer, model: Model, path: Path) -> None:
    """Writes the page about one file.

    Args:
        answer: the answer, with `shots` if pictures are to be shown.
        model: the model that gave it.
        path: the page, `.html`; written complete or not at all.
    """
    strongest, card = answer.strongest, model.card
    like = card.like(answer.quantizer) if card else None
    row = card.row(like, strongest.side) if card and strongest else None
    people = ranked(answer.people)
    words = verdict(answer)
    values = {
        "name": shown(Path(answer.path.name)),
        "tone": TONES[answer.support.of] if answer.support else "none",
        "verdict": f"{capitalised(words)}.",
        "sentence": sentence(answer),
        "model_name": model.name if "://" in model.name else Path(model.name).name,
        "sha256": _sha256(answer.path),
        "like": like,
        "strongest": strongest,
        "people": [_person(answer, person) for person in people],
        "any_shots": bool(answer.shots),
        "any_map": any(shot.change for shot in answer.shots),
        "hidden": len(people) > PEOPLE,
        "shown_people": PEOPLE,
        "gain": f"{CHANGE_GAIN:.0f}",
        "card": card,
        "row": row,
        "row_face": _face(row) if row else "",
    }
    write_text(
        path, _page("report.html.j2", answer=answer, size=model.size, title=f"{values['name']}: {words}", **values)
    )


def write_overview(answers: Sequence[Answer], pages: Sequence[str], path: Path) -> None:
    """Writes the page that lists several files, the most suspicious first.

    Args:
        answers: the answers.
        pages: name of the page about each, beside `path`.
        path: the page.
    """
    pairs = sorted(
        zip(answers, pages, strict=True),
        key=lambda pair: -pair[0].strongest.log10_likelihood_ratio if pair[0].strongest else np.inf,
    )
    rows = [
        {
            "page": page,
            "name": shown(answer.path),
            "words": verdict(answer),
            "ratio": number(answer.strongest.log10_likelihood_ratio) if answer.strongest else "",
        }
        for answer, page in pairs
    ]
    title = f"{len(answers)} files"
    write_text(
        path, _page("overview.html.j2", title=title, rows=rows, summary=" ".join(summary(answers)), limits=LIMITS)
    )


def page_name(index: int, path: Path) -> str:
    """The name of the page about a file: `0007-clip.html`, of safe characters alone."""
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", path.stem)[:LONGEST_NAME].strip("._") or "file"
    return f"{index:04d}-{safe}.html"


def write_answers(answers: Iterable[Answer], path: Path) -> None:
    """Writes what `--json` prints."""
    write_json(path, [as_json(answer) for answer in answers])


@functools.cache
def _templates() -> jinja2.Environment:
    """Everything that is filled in is escaped; a name that is missing is an error."""
    folder = jinja2.PackageLoader("experiments.detection", "templates")
    environment = jinja2.Environment(loader=folder, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.globals |= {"number": number, "percent": percent}
    return environment


def _page(template: str, **values: object) -> str:
    templates = _templates()
    style = Markup(templates.loader.get_source(templates, "style.css")[0])
    return templates.get_template(template).render(style=style, version=version(), **values)


def _person(answer: Answer, person: Person) -> dict[str, object]:
    found = {
        "number": person.number,
        "support": capitalised(str(support(person.log10_likelihood_ratio))),
        "ratio": ratio(person),
        "basis": basis(answer, person),
        "seconds": [],
        "wide": None,
        "shots": [_shot(shot) for shot in answer.shots if shot.person == person.number],
    }
    if len(person.sights) > 1:
        title = f"Likelihood ratio of person {person.number} over time: {ratio(person)}"
        found |= {name: Markup(over_time(person, width, title)) for name, width in (("wide", WIDE), ("narrow", NARROW))}
        found["seconds"] = _seconds(person)
    return found


def _seconds(person: Person) -> list[dict[str, object]]:
    rows = []
    for second, sights in itertools.groupby(person.sights, key=lambda sight: int(sight.second)):
        ratios = [sight.log10_likelihood_ratio for sight in sights]
        rows.append({"time": clock(second), "frames": len(ratios), "ratio": number(float(np.mean(ratios)))})
    return rows


def _shot(shot: Shot) -> dict[str, object]:
    return {
        "time": clock(shot.second),
        "ratio": number(shot.log10_likelihood_ratio),
        "scene": _data(shot.scene, "jpeg"),
        "face": _data(shot.face, "png"),
        "restored": _data(shot.restored, "png") if shot.restored else None,
        "change": _data(shot.change, "png") if shot.change else None,
    }


def _data(content: bytes, kind: str) -> Markup:
    return Markup(f"data:image/{kind};base64,{base64.b64encode(content).decode()}")


def _face(row: Row) -> str:
    return "faces as large as those it was trained on" if row.side is None else f"faces of {row.side} pixels"


def _sha256(path: Path) -> str | None:
    """None for what cannot be read, or has no end, such as a pipe."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
