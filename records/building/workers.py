"""Runs a function over many tasks in processes that are replaced when they die, grow or have done enough."""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import re
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import connection, resource_tracker
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import TypeVar

from records.errors import DataError

Result = TypeVar("Result")
TASKS_A_PROCESS = 100  # then it is replaced by a fresh one, so that no leak of a library can grow
GROWTH = 2**30  # bytes
GRACE = 5.0  # seconds that a process gets to end before it is killed
POSIX = os.name == "posix"
SPAWN = multiprocessing.get_context("spawn")


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
    task gives the same bytes. Whatever they are at, they end with the iterator and with the program; being daemonic
    they cannot have `multiprocessing` children.

    A task whose process died runs once more at the end, in a fresh process with no other beside it. While processes
    die before they can take a task, for want of room maybe, fewer are used.

    Args:
        function: of a module, as spawned processes must find it by name.
        tasks: the arguments of each call.
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
    aside: list[tuple] = []
    for alone, plan in enumerate(((tasks, workers, tasks_a_process), (aside, 1, 1))):
        with contextlib.closing(_attempts(function, *plan, growth)) as attempts:
            for task, result, reason in attempts:
                if not reason:
                    yield result
                elif not alone:
                    aside.append(task)
                elif died is None:
                    raise _stopped("A worker process died twice at the same task", reason)
                else:
                    yield died(task, reason)


def _attempts(
    function: Callable[..., Result], tasks: Sequence[tuple], workers: int, tasks_a_process: int, growth: int
) -> Iterator[tuple[tuple, Result | None, str]]:
    """Yields (task, result, "") when a task is done and (task, None, reason) when its process died."""
    waiting, pool, failed = deque(tasks), [], 0
    pickled = _packed(function)
    try:
        while waiting or pool:
            while len(pool) < max(1, workers - failed) and sum(worker.task is None for worker in pool) < len(waiting):
                pool.append(_Worker(pickled, tasks_a_process, growth))
            handles = {handle: worker for worker in pool for handle in (worker.pipe, worker.process.sentinel)}
            for worker in {handles[handle] for handle in connection.wait(list(handles))}:
                task = worker.task
                last, result, reason = worker.receive()
                if waiting and not last:
                    worker.give(waiting.popleft())
                else:
                    worker.end()
                    pool.remove(worker)
                if task is not None:
                    yield task, result, reason
                else:
                    failed = failed + 1 if reason else 0
                    if failed > workers:
                        raise _stopped("No worker process can start, the last one died", reason)
    finally:
        for worker in pool:
            worker.process.terminate()
        for worker in pool:
            worker.end()


class _Worker:
    """The parent's end of a process: `task` is what it is at, None while it starts."""

    def __init__(self, *arguments: object) -> None:
        self.task: tuple | None = None
        self.pipe, other = SPAWN.Pipe()
        self.process = SPAWN.Process(target=_work, args=(other, *arguments), daemon=True)
        with other, _interrupts_blocked() if POSIX else contextlib.nullcontext():
            self.process.start()

    def give(self, task: tuple) -> None:
        self.task = task
        with contextlib.suppress(ConnectionError):  # it has just died, which `receive` will tell
            self.pipe.send(task)

    def receive(self) -> tuple[bool, object, str]:
        """(whether it was the last one, result, ""), (True, None, reason) if it died; raises what the task raised."""
        try:
            if not self.pipe.poll():
                raise EOFError
            last, returned, pickled, words = self.pipe.recv()
        except (EOFError, OSError):
            return True, None, self.end()
        try:
            value = ForkingPickler.loads(pickled)
        except Exception as error:
            raise RuntimeError(f"A worker process {words}\nIt cannot be rebuilt from its pickle: {error!r}") from error
        if returned:
            return last, value, ""
        if self.task is None:
            raise DataError(f"A worker process cannot start: {value!r}") from value
        raise value

    def end(self) -> str:
        """Waits until the process is gone, kills it if that takes long, and says how it ended."""
        self.pipe.close()
        self.process.join(GRACE)
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()
        code = self.process.exitcode or 0
        with contextlib.suppress(ValueError):  # no signal
            return f"killed by {signal.Signals(-code).name}"
        return f"exit code {code}"


def _stopped(what: str, reason: str) -> DataError:
    memory = "SIGKILL" in reason
    cause, remedy = (", most likely for want of memory", " with fewer --workers") if memory else ("", "")
    return DataError(f"{what} ({reason}{cause}). What was finished is kept: run the same command again{remedy}.")


@contextlib.contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """A process born here is spared Ctrl-C until `_start`: Python would write a traceback while it boots."""
    resource_tracker.ensure_running()  # it comes with the first process, and unblocks the signal as it does
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(pipe: connection.Connection, pickled: bytes, tasks: int, growth: int) -> None:
    """A process' life: sends (last, *answer of `_call`) when it has started and after each task."""
    with contextlib.suppress(EOFError, OSError):  # the pipe is closed: there are no more tasks, or no parent
        answer = _call(_start, _packed((pickled,)))
        pipe.send((False, *answer))
        function, most = answer[0] and ForkingPickler.loads(answer[1]), math.inf  # no tasks come if it could not start
        for done in range(1, tasks + 1):
            answer = _call(function, pipe.recv_bytes())
            peak = _peak()
            most = peak + growth if done == 1 else most
            pipe.send((done == tasks or peak > most, *answer))
    os._exit(0)  # without the second that TensorFlow takes to say goodbye


def _call(function: Callable, pickled: bytes) -> tuple[bool, bytes, str]:
    """Calls with the pickled task: (whether it returned, what it returned or raised as a pickle, and in words)."""
    try:
        value = function(*ForkingPickler.loads(pickled))
        print(end="", flush=True)  # the process ends without doing so
        returned, words = True, f"returned a value of {type(value)}."
    except BaseException as error:
        value, returned, words = error, False, f"raised an exception:\n{traceback.format_exc()}"
        error.add_note(f"A worker process {words}")
    try:
        return returned, _packed(value), words
    except Exception as error:
        return False, _packed(RuntimeError(f"A worker process {words}\nIt does not pickle: {error!r}")), words


def _packed(value: object) -> bytes:
    return bytes(ForkingPickler.dumps(value))


def _peak() -> int:
    """Peak of this process' resident memory in bytes; 0 where the system does not tell."""
    with contextlib.suppress(OSError):  # on Linux, as `ru_maxrss` begins there with the peak of the parent
        if found := re.search(r"VmHWM:\s*(\d+) kB", Path("/proc/self/status").read_text()):
            return int(found[1]) * 1024
    with contextlib.suppress(ImportError):  # on Windows
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return 0


def _start(pickled: bytes) -> Callable:
    """Makes a new process modest, mortal and quiet; imports the tasks' function."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C is the main process's to explain
    if POSIX:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_end_with_parent, daemon=True).start()
    one_thread()
    with _standard_error_closed():
        return ForkingPickler.loads(pickled)


def one_thread() -> None:
    """Makes this process compute in one thread and in one way, so that it gives the same bytes as any other."""
    for name in ("TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"):
        os.environ[name] = "1"  # read when the library first computes or is imported; not every task needs it
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import cv2

    cv2.setNumThreads(1)
    cv2.ipp.setUseIPP(False)  # Intel's kernels may round otherwise from one memory alignment, or processor, to the next


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
