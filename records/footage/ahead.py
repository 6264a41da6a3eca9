"""Reads the next frame while the one before it is looked at."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def one_ahead(items: Iterator[T]) -> Iterator[T]:
    """The same items in the same order; a thread makes each while the one before it is used.

    Args:
        items: an iterator, such as `read_frames` gives; decoding leaves Python's lock to others.

    Raises:
        Exception: what `items` raises, when its turn comes.
    """
    end = object()
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, items, end)
        while (item := following.result()) is not end:
            following = thread.submit(next, items, end)
            yield item
