"""Runs a function over many tasks in Pebble processes; a process is replaced if it dies, grows or did many tasks."""

from __future__ import annotations

import concurrent.futures
import contextlib
import functools
import multiprocessing
import os
import re
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TypeVar

import pebble

from records.errors import DataError

Result = TypeVar("Result")
TASKS_A_PROCESS = 100  # then the process is replaced, in case a library leaks memory
GROWTH = 2**30  # bytes


def in_processes(
    function: Callable[..., Result],
    tasks: Sequence[tuple],
    workers: int,
    tasks_a_process: int = TASKS_A_PROCESS,
    growth: int = GROWTH,
    died: Callable[[tuple, str], Result] | None = None,
) -> Iterator[Result]:
    """Yields function(*task) for each task, in the order in which tasks are done.

    Processes are started by `spawn`. OpenCV and TensorFlow use one thread in each, and OpenCV does not use Intel's IPP,
    so that the same task always gives the same bytes. The processes end when the iterator is closed or the program
    ends, even in the middle of a task. Lines that libraries write to the standard error outside of Python, such as
    TensorFlow's start-up messages, are dropped.

    If a process dies, its task runs once more after all others, in a new process, while no other task runs. If
    processes die at their start, for example because memory is short, fewer are used. A death in a task's first
    milliseconds may count as one at the start.

    Args:
        function: a function of a module, because spawned processes import it by name.
        tasks: the arguments of each call; a task is pickled when a process is free.
        workers: number of processes at the same time.
        tasks_a_process: number of tasks after which a process is replaced.
        growth: bytes; a process is replaced if its peak of resident memory has grown by more since its first task.
        died: called with a task whose process died twice and the reason; its value is yielded as the task's result.

    Raises:
        DataError: no process can start (more than `workers` in a row died), or one died twice and `died` is None.
        RuntimeError: a result or an exception of `function` cannot be pickled or unpickled; the message names it.
        Exception: what `function` raised, with its traceback in the worker as a note.
    """
    if workers < 1 or tasks_a_process < 1:
        raise ValueError(f"workers and tasks_a_process must be at least 1; received {workers} and {tasks_a_process}.")
    retries: list[tuple] = []
    with contextlib.closing(_attempts(function, tasks, workers, tasks_a_process, growth)) as attempts:
        for task, result, reason in attempts:
            if reason:
                retries.append(task)
            else:
                yield result
    with contextlib.closing(_attempts(function, retries, 1, 1, growth)) as attempts:
        for task, result, reason in attempts:
            if reason and died is None:
                raise DataError(
                    f"A worker process died twice at the same task ({reason}{_likely_cause(reason)}). Finished work is "
                    "kept: run the same command again, with fewer --workers if memory was short."
                )
            yield died(task, reason) if reason else result


def _attempts(
    function: Callable[..., Result], tasks: Sequence[tuple], workers: int, tasks_a_process: int, growth: int
) -> Iterator[tuple[tuple, Result | None, str]]:
    """Yields (task, result, "") for each task that is done, and (task, None, reason) if its process died."""
    waiting = deque(tasks)
    idle: list[_Process] = []
    running: dict[concurrent.futures.Future, tuple[_Process, tuple]] = {}
    packed_function, failed_starts = _packed(function), 0
    try:
        while waiting or running:
            while waiting and len(running) < max(1, workers - failed_starts):
                packed_task = _packed(waiting[0])
                process = idle.pop() if idle else _Process(packed_function, tasks_a_process, growth)
                running[process.call(packed_task)] = process, waiting.popleft()
            future = next(iter(concurrent.futures.wait(running, return_when="FIRST_COMPLETED").done))
            process, task = running.pop(future)
            try:
                answer = future.result()
            except pebble.ProcessExpired as error:
                process.stop()
                yield task, None, _death_reason(error.exitcode)
                continue
            except BrokenProcessPool as error:  # the process ended before it took the task
                process.stop()
                waiting.appendleft(task)
                failed_starts += 1
                if failed_starts > workers:
                    raise DataError(
                        "No worker process can start, most likely because memory is short. Finished work is kept: run "
                        "the same command again with fewer --workers."
                    ) from error
                continue
            failed_starts = 0
            if process.is_used_up(answer[-1]):
                process.stop()
            else:
                idle.append(process)
            yield task, _unpacked(*answer[:-1]), ""
    finally:
        processes = [*idle, *(process for process, _ in running.values())]
        for process in processes:
            process.pool.stop()
        for process in processes:
            process.stop()


class _Process:
    """One worker process: a Pebble pool of size one, which can be replaced between two tasks."""

    def __init__(self, packed_function: bytes, most_tasks: int, growth: int) -> None:
        self.tasks_left, self.growth, self.most_memory = most_tasks, growth, None
        self.pool = pebble.ProcessPool(
            1, context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(packed_function,)
        )

    def call(self, packed_task: bytes) -> concurrent.futures.Future:
        with _interrupts_blocked():  # the first call starts the pool's threads, which start the process
            return self.pool.schedule(_call, (packed_task,))

    def is_used_up(self, peak_memory: int) -> bool:
        """Whether to replace the process; call it after each task, with the process's peak of memory in bytes."""
        self.tasks_left -= 1
        if self.most_memory is None:
            self.most_memory = peak_memory + self.growth
        return not self.tasks_left or peak_memory > self.most_memory

    def stop(self) -> None:
        """Ends the process, even in the middle of a task, and waits for its end."""
        self.pool.stop()
        self.pool.join()


def _death_reason(exit_code: int) -> str:
    with contextlib.suppress(ValueError):  # the code is not that of a signal
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _likely_cause(reason: str) -> str:
    return ", most likely because memory was short" if "SIGKILL" in reason else ""


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Threads and processes started inside do not get Ctrl-C: a starting process would print a traceback."""
    if os.name != "posix":
        yield
        return
    resource_tracker.ensure_running()  # otherwise it would start with the first process and unblock the signal
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the worker processes ----------------------------------------------------------------------------------------------

_function: Callable | None = None


def _start(packed_function: bytes) -> None:
    """Prepares a new process and imports the tasks' function; the first call raises if that fails."""
    global _function
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Pebble's own handler waits until a library's call has ended
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread()
    _mute_libraries()
    try:
        _function = ForkingPickler.loads(packed_function)
    except Exception as error:
        _function = functools.partial(_fail, DataError(f"A worker process cannot start: {error!r}"))


def _fail(error: Exception, *task: object) -> None:
    raise error


def _call(packed_task: bytes) -> tuple[bool, bytes, str, int]:
    """Runs a task. Returns (whether it succeeded, its pickled value or exception, a description, peak memory)."""
    try:
        value = _function(*ForkingPickler.loads(packed_task))
        returned, words = True, f"returned a value of {type(value)}."
    except BaseException as error:
        value, returned, words = error, False, f"raised an exception:\n{traceback.format_exc()}"
        error.add_note(f"A worker process {words}")
    sys.stdout.flush()  # the process may be ended before Python flushes it
    try:
        return returned, _packed(value), words, peak_memory()
    except Exception as error:
        failure = RuntimeError(f"A worker process {words}\nIt cannot be pickled: {error!r}")
        return False, _packed(failure), words, peak_memory()


def _unpacked(returned: bool, packed: bytes, words: str) -> object:
    """The value that a task returned; raises the exception that it raised."""
    try:
        value = ForkingPickler.loads(packed)
    except Exception as error:
        raise RuntimeError(f"A worker process {words}\nIt cannot be unpickled: {error!r}") from error
    if not returned:
        raise value
    return value


def _packed(value: object) -> bytes:
    return bytes(ForkingPickler.dumps(value))


def peak_memory() -> int:
    """Peak of this process's resident memory in bytes; 0 on systems without /proc."""
    with contextlib.suppress(OSError):
        if found := re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text()):
            return int(found[1]) * 1024
    return 0


def one_thread() -> None:
    """Makes this process's libraries use one thread and fixed kernels, so that all processes compute the same bytes."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"  # a library reads it when it is imported or first computes
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import cv2

    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)  # rounding in Intel's kernels depends on the processor and on memory alignment


def _mute_libraries() -> None:
    """Drops lines that libraries write to the standard error outside of Python; Python's own lines are still shown."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


def _end_with_parent() -> None:
    """Ends this process when the main process has ended, so that it does not write beside a later build."""
    multiprocessing.parent_process().join()
    os._exit(1)
