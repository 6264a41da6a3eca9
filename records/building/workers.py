"""Runs a function over many tasks in processes of Pebble's, each replaced when it dies, grows or has done enough."""

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
TASKS_A_PROCESS = 100  # then it is replaced by a fresh one, so that no leak of a library can grow
GROWTH = 2**30  # bytes


def in_processes(
    function: Callable[..., Result],
    tasks: Sequence[tuple],
    workers: int,
    tasks_a_process: int = TASKS_A_PROCESS,
    growth: int = GROWTH,
    died: Callable[[tuple, str], Result] | None = None,
) -> Iterator[Result]:
    """Yields function(*task) for each task, in the order in which they are done.

    The processes are fresh ones (`spawn`), with one thread each for OpenCV and TensorFlow: they share the cores among
    themselves, and sums keep their order. OpenCV computes with its own kernels, without Intel's IPP, so that the same
    task gives the same bytes. They end with the iterator and with the program, whatever they are doing then. What
    libraries write to the standard error past Python, such as TensorFlow's start-up lines, is not shown.

    A task whose process died runs once more after all others, in a fresh process and with no other at the same time.
    While processes die before they can take a task, for want of memory maybe, fewer are used.

    Args:
        function: of a module, as spawned processes must find it by name.
        tasks: the arguments of each call; a task is pickled when a process is free for it.
        workers: processes at a time.
        tasks_a_process: tasks after which a process is replaced.
        growth: bytes; a process whose peak of resident memory exceeds that after its first task by more is replaced.
        died: is given a task whose process died twice, and the reason; what it returns is yielded for the task.

    Raises:
        DataError: no process can start (more than `workers` in a row died), or one died twice and there is no `died`.
        RuntimeError: what `function` returned or raised does not pickle, or cannot be rebuilt; the message names it.
        Exception: what `function` raised, with the traceback in its process as a note.
    """
    if workers < 1 or tasks_a_process < 1:
        raise ValueError(f"workers and tasks_a_process must be at least 1; received {workers} and {tasks_a_process}.")
    again: list[tuple] = []
    with contextlib.closing(_attempts(function, tasks, workers, tasks_a_process, growth)) as attempts:
        for task, result, reason in attempts:
            if reason:
                again.append(task)
            else:
                yield result
    with contextlib.closing(_attempts(function, again, 1, 1, growth)) as attempts:
        for task, result, reason in attempts:
            if reason and died is None:
                raise DataError(
                    f"A worker process died twice at the same task ({reason}{_most_likely(reason)}). What was finished "
                    "is kept: run the same command again, with fewer --workers where memory was short."
                )
            yield died(task, reason) if reason else result


def _attempts(
    function: Callable[..., Result], tasks: Sequence[tuple], workers: int, tasks_a_process: int, growth: int
) -> Iterator[tuple[tuple, Result | None, str]]:
    """Yields (task, result, "") when a task is done and (task, None, reason) when its process died."""
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
                yield task, None, _in_words(error.exitcode)
                continue
            except BrokenProcessPool as error:  # the process ended before it took the task
                process.stop()
                waiting.appendleft(task)
                failed_starts += 1
                if failed_starts > workers:
                    raise DataError(
                        "No worker process can start, most likely for want of memory. What was finished is kept: run "
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
    """One worker process: a pool of Pebble's of size one, so that it can be replaced between two tasks."""

    def __init__(self, packed_function: bytes, most_tasks: int, growth: int) -> None:
        self.tasks_left, self.growth, self.most_memory = most_tasks, growth, None
        self.pool = pebble.ProcessPool(
            1, context=multiprocessing.get_context("spawn"), initializer=_start, initargs=(packed_function,)
        )

    def call(self, packed_task: bytes) -> concurrent.futures.Future:
        with _interrupts_blocked():  # the first call starts the pool's threads, and they the process
            return self.pool.schedule(_call, (packed_task,))

    def is_used_up(self, peak_memory: int) -> bool:
        """Whether a process that has just done a task and then has this peak of memory is to be replaced."""
        self.tasks_left -= 1
        if self.most_memory is None:
            self.most_memory = peak_memory + self.growth
        return not self.tasks_left or peak_memory > self.most_memory

    def stop(self) -> None:
        """Ends the process, whatever it is doing, and waits until it is gone."""
        self.pool.stop()
        self.pool.join()


def _in_words(exit_code: int) -> str:
    with contextlib.suppress(ValueError):  # no signal
        return f"killed by {signal.Signals(-exit_code).name}"
    return f"exit code {exit_code}"


def _most_likely(reason: str) -> str:
    return ", most likely for want of memory" if "SIGKILL" in reason else ""


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Threads and processes that start here are spared Ctrl-C: a process that boots would write a traceback."""
    if os.name != "posix":
        yield
        return
    resource_tracker.ensure_running()  # it starts with the first process, and would unblock the signal then
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


# In the worker processes ----------------------------------------------------------------------------------------------

_function: Callable | None = None


def _start(packed_function: bytes) -> None:
    """Prepares a new process and imports the tasks' function; a failure is raised by the first call."""
    global _function
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Pebble's handler waits for what a library is computing
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
    """(whether the task returned, what it returned or raised as a pickle, the same in words, peak memory in bytes)."""
    try:
        value = _function(*ForkingPickler.loads(packed_task))
        returned, words = True, f"returned a value of {type(value)}."
    except BaseException as error:
        value, returned, words = error, False, f"raised an exception:\n{traceback.format_exc()}"
        error.add_note(f"A worker process {words}")
    sys.stdout.flush()  # the process may be ended without doing so
    try:
        return returned, _packed(value), words, peak_memory()
    except Exception as error:
        failure = RuntimeError(f"A worker process {words}\nIt does not pickle: {error!r}")
        return False, _packed(failure), words, peak_memory()


def _unpacked(returned: bool, packed: bytes, words: str) -> object:
    """What a task returned; raises what it raised."""
    try:
        value = ForkingPickler.loads(packed)
    except Exception as error:
        raise RuntimeError(f"A worker process {words}\nIt cannot be rebuilt from its pickle: {error!r}") from error
    if not returned:
        raise value
    return value


def _packed(value: object) -> bytes:
    return bytes(ForkingPickler.dumps(value))


def peak_memory() -> int:
    """Peak of this process' resident memory in bytes; 0 where the system does not tell it in /proc."""
    with contextlib.suppress(OSError):
        if found := re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text()):
            return int(found[1]) * 1024
    return 0


def one_thread() -> None:
    """Makes this process compute in one thread and in one way, so that it gives the same bytes as any other."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"  # read when the library first computes or is imported; not every task needs it
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import cv2

    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)  # Intel's kernels may round otherwise from one memory alignment, or processor, to the next


def _mute_libraries() -> None:
    """Drops what libraries write to the standard error past Python; what Python writes is still shown."""
    sys.stderr = os.fdopen(os.dup(2), "w", buffering=1, errors="backslashreplace")
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    os.close(nothing)


def _end_with_parent() -> None:
    """A killed program leaves no process behind that would write beside the one started next."""
    multiprocessing.parent_process().join()
    os._exit(1)
