"""The folder that `detect --out` fills: pages, answers.json and annotated copies, file after file."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from experiments.detection.answers import Answer
from experiments.detection.models import Model
from experiments.detection.overlay import write_overlay
from experiments.detection.report import (
    ANSWERS,
    REPORT,
    page_name,
    write_answers,
    write_overview,
    write_report,
)
from records.errors import DataError


class Results:
    """Writes each answer's page when it is known, so that nothing is lost if a later file or the computer fails.

    Args:
        out: the folder; made if it is missing. Results of an earlier call are replaced.
        model: the model that gives the answers.
        overlay: whether annotated copies are written.

    Raises:
        DataError: the folder cannot be made.
    """

    def __init__(self, out: Path, model: Model, overlay: bool) -> None:
        try:
            out.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DataError(f"{out} cannot be made ({error.strerror}); give --out another name.") from error
        self._out, self._model, self._overlay = out, model, overlay
        self._answers: list[Answer] = []
        self._pages: list[str] = []

    def add(self, answer: Answer) -> Answer:
        """Writes the page and the copy.

        Returns:
            The answer, with a note if the copy could not be made; without its pictures, which are on the page.
        """
        page = page_name(len(self._pages) + 1, answer.path)
        if self._overlay and answer.people:
            try:
                write_overlay(answer, self._out / page.removesuffix(".html"))
            except DataError as error:
                answer = dataclasses.replace(answer, notes=(*answer.notes, f"no annotated copy: {error}".rstrip(".")))
        write_report(answer, self._model, self._out / page)
        self._pages.append(page)
        self._answers.append(dataclasses.replace(answer, shots=()))
        return self._answers[-1]

    def finish(self) -> Path:
        """Writes what needs all answers: answers.json, and report.html, the page of the one file or the overview.

        Returns:
            report.html.
        """
        report = self._out / REPORT
        write_answers(self._answers, self._out / ANSWERS)
        if len(self._pages) == 1:
            (self._out / self._pages[0]).replace(report)
        else:
            write_overview(self._answers, self._pages, report)
        return report
