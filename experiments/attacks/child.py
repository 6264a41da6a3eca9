"""Runs attacks in a child process; after a hang or a crash a new child continues with the next attack."""

from __future__ import annotations

import concurrent.futures
import contextlib
import importlib
import os
import re
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path
from typing import Protocol

import pebble

from experiments.attacks.outcomes import Verdict

PREPARING = 600  # seconds in which a target must prepare its files
CURRENT, LOG = "current.txt", "stderr.log"  # files of the workspace: the running attack; the output of the child
# (the attack in words, the function that runs the target and returns the result and its detail)
Attack = tuple[str, Callable[[], tuple[str, str]]]


class Target(Protocol):
    """A reader that is attacked, in the child process.

    Attributes:
        seconds: time that one attack may take.
        memory: bytes that one attack may take.
    """

    seconds: float
    memory: int

    def __init__(self, workspace: Path, seed: int) -> None:
        """Prepares the intact files in `workspace`, if they are not there yet, and the results that they give."""

    def attack(self, number: int) -> Attack:
        """Makes the attack of this number, which depends on the seed and the number alone."""


def run_attacks(target: str, workspace: Path, seed: int, numbers: Iterable[int]) -> Iterator[tuple[int, Verdict]]:
    """Yields (number, verdict) for each attack.

    Args:
        target: `module:class` of a Target.
        workspace: folder for all files.
        seed, numbers: the attacks to run.

    Raises:
        Exception: an attack could not be made, which is a fault of the driver; the number is a note of the exception.
    """
    workspace.mkdir(parents=True, exist_ok=True)
    # The target prepares its files before the first attack, so that no attack's time includes it.
    with _pool(target, workspace, seed) as pool:
        try:
            seconds = pool.schedule(_seconds, timeout=PREPARING).result()
        except BrokenProcessPool as error:
            raise RuntimeError(f"the child cannot start: {_last_lines(workspace / LOG)}") from error
        for number in numbers:
            (workspace / CURRENT).write_text("")
            try:
                verdict = pool.schedule(_run, (number,), timeout=seconds).result()
            except concurrent.futures.TimeoutError:
                verdict = Verdict(_current(workspace, number), "hang", f"no answer in {seconds:g} s")
            except pebble.ProcessExpired as error:
                detail = f"exit code {error.exitcode}; {_last_lines(workspace / LOG)}"
                verdict = Verdict(_current(workspace, number), "crash", detail)
            except Exception as error:
                error.add_note(f"attack {number} could not be made")
                raise
            yield number, verdict


@contextlib.contextmanager
def _pool(target: str, workspace: Path, seed: int) -> Iterator[pebble.ProcessPool]:
    pool = pebble.ProcessPool(
        1, context=get_context("spawn"), initializer=_start, initargs=(target, str(workspace), seed)
    )
    try:
        yield pool
    finally:
        pool.stop()
        pool.join()


def _current(workspace: Path, number: int) -> str:
    text = (workspace / CURRENT).read_text()
    if not text:
        raise RuntimeError(f"the child died or hung while attack {number} was made: {_last_lines(workspace / LOG)}")
    return text


def _last_lines(log: Path) -> str:
    return " | ".join(log.read_text(errors="replace").splitlines()[-5:]) if log.exists() else ""


_state: dict[str, object] = {}  # of the child process: its target and workspace


def _start(target: str, workspace: str, seed: int) -> None:
    """Initialises the child process: sends its output into the log and makes the target."""
    handle = os.open(Path(workspace, LOG), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(handle, 2)
    os.close(handle)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    module, _, name = target.partition(":")
    try:
        _state["target"] = getattr(importlib.import_module(module), name)(Path(workspace), seed)
    except BaseException:
        traceback.print_exc()  # Pebble says only that the process ended
        raise
    _state["workspace"] = Path(workspace)


def _seconds() -> float:
    return _state["target"].seconds


def _run(number: int) -> Verdict:
    """Makes one attack, runs the target and returns the verdict."""
    attack, run = _state["target"].attack(number)
    (_state["workspace"] / CURRENT).write_text(attack)
    before = _memory("VmRSS", reset=True)
    try:
        result, detail = run()
    except Exception:
        return Verdict(attack, "traceback", traceback.format_exc())
    grown = _memory("VmHWM") - before
    if grown > _state["target"].memory:
        return Verdict(attack, "memory", f"{grown // 2**20} MiB for it; then: {result}: {detail}")
    return Verdict(attack, result, detail)


def _memory(line: str, reset: bool = False) -> int:
    """Bytes of this process's memory, or of its peak since the last reset; 0 if the system does not report it."""
    with contextlib.suppress(OSError):
        if reset:
            Path("/proc/self/clear_refs").write_text("5")
        if found := re.search(rf"{line}:\s*(\d+) kB", Path("/proc/self/status").read_text()):
            return int(found[1]) * 1024
    return 0
