"""Worker processes: all tasks are done even if processes die or grow; failures are raised, and no process is left."""

import contextlib
import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pebble
import pytest

from records.building import workers
from records.building.workers import in_processes
from records.errors import DataError

REPOSITORY = Path(__file__).resolve().parents[3]
TIMEOUT = 120  # seconds
MEBIBYTE = 2**20
KEPT_MEMORY = []


def square(number):
    return number * number, os.getpid()


def fail(number):
    raise DataError(f"task {number} failed")


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


def die_at_odd_numbers(number):
    if number % 2:
        os._exit(number)
    return number


def die_once(marker, number):
    """Dies at the first call for 0; returns the number, the times of start and end, and the process."""
    if number == 0 and not marker.exists():
        marker.touch()
        time.sleep(1)  # a process that dies before Pebble knows that it took the task counts as one that did not start
        die(number)
    began = time.monotonic()
    time.sleep(0.2)
    return number, began, time.monotonic(), os.getpid()


def sleep(folder, number, ignores_sigterm=False):
    """Makes a file in `folder`, then sleeps for longer than any test waits, unless the number is 0."""
    if ignores_sigterm:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / f"{os.getpid()}").touch()
    time.sleep(10 * TIMEOUT if number else 0)
    return os.getpid()


def sleep_or_fail(folder, number):
    if number == 0:
        wait_until(lambda: list(folder.iterdir()))
        fail(number)
    sleep(folder, number)


def grow(number):
    KEPT_MEMORY.append(b"\1" * (64 * MEBIBYTE + number))  # not zeros, so that the memory becomes resident
    return os.getpid()


def doubled(blob):
    return blob + blob


def generator(number):
    return (value for value in range(number))


class CannotBeUnpickled:
    def __reduce__(self):
        return int, ("no number",)


def cannot_be_unpickled(number):
    return CannotBeUnpickled()


class TwoArgumentError(Exception):
    """Can be pickled but not unpickled: it takes two arguments, and its pickle holds one."""

    def __init__(self, clip, frame):
        super().__init__(f"{clip} at {frame}")


class GeneratorError(Exception):
    """Cannot be pickled, because a generator cannot."""

    def __init__(self, message):
        super().__init__(message)
        self.generator = generator(1)


def raise_two_argument_error(number):
    raise TwoArgumentError("clip 7", number)


def raise_generator_error(number):
    raise GeneratorError(f"clip {number} broke")


def exit_program(number):
    sys.exit(f"task {number} exits")


def has_ended(process):
    """Whether the process has ended and is not a zombie either."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def wait_until(condition):
    """Waits until a function returns a true value."""
    deadline = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _no_process_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_processes_are_replaced_after_their_number_of_tasks():
    done, most = [], 0
    for result in in_processes(square, [(number,) for number in range(9)], workers=2, tasks_a_process=2):
        done.append(result)
        most = max(most, len(multiprocessing.active_children()))
    processes = [process for _, process in done]
    assert sorted(value for value, _ in done) == [number * number for number in range(9)]
    assert max(processes.count(process) for process in processes) <= 2
    assert most <= 2
    assert all(map(has_ended, processes))


def test_results_are_yielded_as_tasks_are_done(tmp_path):
    results = in_processes(sleep, [(tmp_path, 1), (tmp_path, 0)], workers=2)
    assert next(results) > 0  # the result of the second task, because the first one sleeps
    results.close()


def test_no_tasks_start_no_process():
    assert list(in_processes(square, [], workers=2)) == []


@pytest.mark.parametrize(("growth", "processes"), [(96 * MEBIBYTE, 2), (workers.GROWTH, 1)])
def test_a_process_that_grows_is_replaced(growth, processes):
    # After its first task a process holds 64 MiB; after its third it holds 128 MiB more, which is above 96.
    done = list(in_processes(grow, [(number,) for number in range(6)], workers=1, growth=growth))
    assert [done.count(process) for process in dict.fromkeys(done)] == [6 // processes] * processes


def test_large_tasks_and_results_pass():
    blobs = [bytes([number]) * (8 * MEBIBYTE) for number in range(6)]
    assert sorted(in_processes(doubled, [(blob,) for blob in blobs], workers=2)) == [blob + blob for blob in blobs]


@pytest.mark.slow
@pytest.mark.parametrize(("function", "message"), [(fail, "task 0 failed"), (die, "worker process died.*--workers")])
def test_failures_are_raised_in_the_main_process(function, message):
    with pytest.raises(DataError, match=message):
        list(in_processes(function, [(0,)], workers=1))


def test_a_failure_ends_the_others_and_tells_where_it_was(tmp_path):
    with pytest.raises(DataError, match="task 0 failed") as failure:
        list(in_processes(sleep_or_fail, [(tmp_path, number) for number in range(3)], workers=2))
    assert "in sleep_or_fail" in failure.value.__notes__[0]
    assert all(has_ended(int(path.name)) for path in tmp_path.iterdir())


def test_a_tasks_system_exit_is_raised_in_the_main_process():
    with pytest.raises(SystemExit, match="task 0 exits"):
        list(in_processes(exit_program, [(0,)], workers=1))


@pytest.mark.slow
def test_a_task_whose_process_died_runs_again_after_all_others_in_a_new_process(tmp_path):
    *others, last = in_processes(die_once, [(tmp_path / "marker", number) for number in range(5)], workers=2)
    numbers, _, ends, processes = zip(*others, strict=True)
    assert sorted(numbers) == [1, 2, 3, 4]
    number, began, _, process = last
    assert number == 0
    assert began >= max(ends)
    assert process not in processes


def test_tasks_that_kill_their_process_twice_raise_after_all_others_are_done():
    done = []
    with pytest.raises(DataError, match=r"died twice.*\(exit code [13]\). Finished work is kept"):
        done.extend(in_processes(die_at_odd_numbers, [(number,) for number in range(5)], workers=2))
    assert sorted(done) == [0, 2, 4]


def test_tasks_that_kill_their_process_twice_get_the_result_of_died():
    tasks = [(number,) for number in range(5)]
    done = list(in_processes(die_at_odd_numbers, tasks, workers=2, died=lambda task, reason: (task, reason)))
    assert sorted(done[:3]) == [0, 2, 4]
    assert sorted(done[3:]) == [((1,), "exit code 1"), ((3,), "exit code 3")]


def test_a_killed_process_is_named():
    assert list(in_processes(die, [(0,)], 1, died=lambda task, reason: reason)) == ["killed by SIGKILL"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (generator, r"returned a value of <class 'generator'>(?s:.*)cannot be pickled"),
        (cannot_be_unpickled, r"returned a value of <class '.*CannotBeUnpickled'>(?s:.*)cannot be unpickled"),
        (raise_generator_error, r"raised an exception(?s:.*)GeneratorError: clip 3 broke(?s:.*)cannot be pickled"),
        (
            raise_two_argument_error,
            r"raised an exception(?s:.*)TwoArgumentError: clip 7 at 3(?s:.*)cannot be unpickled",
        ),
    ],
)
def test_results_that_cannot_be_pickled_or_unpickled_are_named(function, message):
    with pytest.raises(RuntimeError, match=message):
        list(in_processes(function, [(3,)], workers=1))


def test_a_task_that_cannot_be_pickled_is_an_error():
    with pytest.raises(TypeError, match="generator"):
        list(in_processes(square, [(generator(1),)], workers=1))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("raise ImportError('no such library')", "A worker process cannot start: ImportError.*no such library"),
        ("import os; os._exit(7)", "No worker process can start.*fewer --workers"),
    ],
)
def test_a_module_that_workers_cannot_import_is_an_error(tmp_path, monkeypatch, statement, message):
    lines = ["import multiprocessing", "if multiprocessing.parent_process():", f"    {statement}"]
    (tmp_path / "main_process_only.py").write_text("\n".join([*lines, "def task(number): return number"]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "main_process_only", raising=False)
    module = importlib.import_module("main_process_only")
    with pytest.raises(DataError, match=message):
        list(in_processes(module.task, [(number,) for number in range(9)], workers=2))


def test_an_iterator_closed_early_leaves_no_process(tmp_path):
    results = in_processes(sleep, [(tmp_path, number) for number in range(4)], workers=2)
    next(results)
    processes = [child.pid for child in multiprocessing.active_children()]
    assert len(processes) == 2  # one sleeps, the other sleeps or is starting
    results.close()
    assert all(map(has_ended, processes))


def test_a_process_that_ignores_sigterm_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(pebble.CONSTS, "term_timeout", 0.2)
    results = in_processes(sleep, [(tmp_path, number, True) for number in range(2)], workers=1)
    process = next(results)
    results.close()
    assert has_ended(process)


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [True, False], ids=["from-a-terminal", "to-the-program-alone"])
def test_ctrl_c_ends_all_processes_with_one_traceback(tmp_path, to_all):
    program = (
        "import signal, sys; from pathlib import Path\n"
        "from records.building.workers import in_processes; from tests.records.building.test_workers import sleep\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore the signal
        "list(in_processes(sleep, [(Path(sys.argv[1]), number) for number in (1, 2, 3)], workers=2))"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        wait_until(lambda: len(list(tmp_path.iterdir())) == 2)
        (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=TIMEOUT)
        assert process.returncode == -signal.SIGINT
        assert errors.count("Traceback") == 1
        assert errors.endswith("KeyboardInterrupt\n")
        wait_until(lambda: _group_has_ended(process.pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _group_has_ended(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_zero_workers_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        list(in_processes(square, [(1,)], workers=0))
