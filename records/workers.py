"""Runs a function over many tasks in processes that are replaced now and then and end with the program."""

from __future__ import annotations

import contextlib
import importlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from records.errors import DataError

Result = TypeVar("Result")
TASKS_A_PROCESS = 100  # then it is replaced by a fresh one, so that no leak of a library can grow


def in_processes(
    function: Callable[..., Result],
    tasks: Sequence[tuple],
    workers: int,
    tasks_a_process: int = TASKS_A_PROCESS,
) -> Iterator[Result]:
    """Yields function(*task) for each task, in the order in which they are done.

    The processes are fresh ones (`spawn`), with one thread each for OpenCV and TensorFlow: they share the cores among
    themselves, and sums keep their order. OpenCV computes with its own kernels, without Intel's IPP, so that the same
    task gives the same bytes. They go together after `tasks_a_process` tasks each: ProcessPoolExecutor's
    own `max_tasks_per_child` leaves it waiting for ever (CPython issue 115634).

    Args:
        function: of a module, as spawned processes must find it by name.
        tasks: the arguments of each call.
        workers: processes at a time.
        tasks_a_process: tasks after which a process is replaced, on average.

    Raises:
        DataError: a process died. What `function` itself raises is raised here.
    """
    if workers < 1 or tasks_a_process < 1:
        raise ValueError(f"workers and tasks_a_process must be at least 1; received {workers} and {tasks_a_process}.")
    together = workers * tasks_a_process
    for start in range(0, len(tasks), together):
        yield from _generation(function, tasks[start : start + together], workers)


def _generation(function: Callable[..., Result], tasks: Sequence[tuple], workers: int) -> Iterator[Result]:
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(
        min(workers, len(tasks)), mp_context=context, initializer=_start, initargs=(function.__module__,)
    )
    try:
        for done in as_completed([pool.submit(function, *task) for task in tasks]):
            yield done.result()
    except BrokenProcessPool as error:
        raise DataError(
            "A worker process died, most likely for want of memory. What was finished is kept: run the same command "
            "again, with fewer --workers."
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _start(module: str) -> None:
    """Makes a new process modest, mortal and quiet, and imports the task's `module`."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is the main process's to explain
    threading.Thread(target=_end_with_parent, daemon=True).start()
    for kind in ("INTRAOP", "INTEROP"):  # TensorFlow reads them when it first computes; not every task needs it
        os.environ[f"TF_NUM_{kind}_THREADS"] = "1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import cv2

    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)  # Intel's kernels may round otherwise from one memory alignment, or processor, to the next
    with _standard_error_closed():
        importlib.import_module(module)


@contextlib.contextmanager
def _standard_error_closed() -> Iterator[None]:
    """Keeps off the terminal what TensorFlow writes past Python while it is imported; Python raises as ever."""
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nothing, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)


def _end_with_parent() -> None:
    """A killed program leaves no process behind that would write beside the one started next."""
    multiprocessing.parent_process().join()
    os._exit(1)
