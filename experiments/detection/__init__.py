"""Answers whether the faces in pictures and videos are manipulated: items, people, words, and the models that score."""

from experiments.detection.analysis import Settings, analyse
from experiments.detection.answers import Answer, as_json
from experiments.detection.items import Item, items
from experiments.detection.models import DEFAULT, Model, open_model, shipped
from experiments.detection.report import write_report
from experiments.detection.results import Results
from experiments.detection.words import LIMITS, lines, summary

__all__ = [
    "DEFAULT",
    "LIMITS",
    "Answer",
    "Item",
    "Model",
    "Results",
    "Settings",
    "analyse",
    "as_json",
    "items",
    "lines",
    "open_model",
    "shipped",
    "summary",
    "write_report",
]
