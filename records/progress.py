"""Lines for a terminal or a log: progress of long work, and texts that hold the names of others' files."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

Item = TypeVar("Item")
SECONDS_BETWEEN_LINES = 10.0


def progress(iterable: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    """Yields the items of `iterable` and shows how far the work is and how long the rest will take.

    Args:
        iterable: the items; one counts as done when the next is asked for.
        total: expected number of items.
        description: a few words that say what is being done.
    """
    if sys.stderr.isatty():
        yield from _bar(iterable, total, description)
    else:
        yield from _lines(iterable, total, description)


def duration(seconds: float) -> str:
    """`seconds` as `m:ss`."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"


def escaped(text: str) -> str:
    r"""A text as one line for a terminal: what cannot be printed is written as `\n`, `\x1b`, `\u202e`.

    Names of files come from others and may hold newlines, a terminal's commands, or bytes that are no UTF-8.
    """
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def _bar(iterable: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    from rich.console import Console

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield from bar.track(iterable, total=total, description=description)


def _lines(iterable: Iterable[Item], total: int, description: str) -> Iterator[Item]:
    started = printed = time.monotonic()
    done = 0
    for item in iterable:
        yield item
        done += 1
        now = time.monotonic()
        if now - printed >= SECONDS_BETWEEN_LINES and done < total:
            printed = now
            left = (now - started) / done * (total - done)
            _print(f"{description}: {done}/{total} ({100 * done // total}%), about {duration(left)} left")
    _print(f"{description}: {done}/{total} in {duration(time.monotonic() - started)}")


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
