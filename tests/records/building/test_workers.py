"""Processes: every task is done, whatever dies, grows or is interrupted; failures arrive and nothing is left behind."""

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
PATIENCE = 120  # seconds
MEBIBYTE = 2**20
KEPT = []


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
    """The number, when it began and ended, and where."""
    if number == 0 and not marker.exists():
        marker.touch()
        die(number)
    began = time.monotonic()
    time.sleep(0.2)
    return number, began, time.monotonic(), os.getpid()


def sleep(folder, number, deaf=False):
    """Says in `folder` that it began, then sleeps for longer than any test waits."""
    if deaf:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    (folder / f"{os.getpid()}").touch()
    time.sleep(10 * PATIENCE if number else 0)
    return os.getpid()


def sleep_or_fail(folder, number):
    if number == 0:
        until(lambda: list(folder.iterdir()))
        fail(number)
    sleep(folder, number)


def grow(number):
    KEPT.append(b"\1" * (64 * MEBIBYTE + number))  # written to, so resident
    return os.getpid()


def doubled(blob):
    return blob + blob


def generator(number):
    return (value for value in range(number))


class Unrebuildable:
    def __reduce__(self):
        return int, ("no number",)


def unrebuildable(number):
    return Unrebuildable()


class Demanding(Exception):
    """Pickles, but takes two arguments where its pickle holds one."""

    def __init__(self, clip, frame):
        super().__init__(f"{clip} at {frame}")


class Holding(Exception):
    """Does not pickle, as a generator does not."""

    def __init__(self, message):
        super().__init__(message)
        self.held = generator(1)


def raise_demanding(number):
    raise Demanding("clip 7", number)


def raise_holding(number):
    raise Holding(f"clip {number} broke")


def leave(number):
    sys.exit(f"task {number} wants to leave")


def gone(process):
    """Whether there is no such process any more, not even as a zombie."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    return False


def until(condition):
    """Waits for it."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _nothing_is_left():
    yield
    assert multiprocessing.active_children() == []


@pytest.mark.slow
def test_processes_are_replaced_one_by_one_and_nothing_hangs():
    done, most = [], 0
    for result in in_processes(square, [(number,) for number in range(9)], workers=2, tasks_a_process=2):
        done.append(result)
        most = max(most, len(multiprocessing.active_children()))
    processes = [process for _, process in done]
    assert sorted(value for value, _ in done) == [number * number for number in range(9)]
    assert max(processes.count(process) for process in processes) <= 2
    assert most <= 2
    assert all(map(gone, processes))


def test_one_process_does_its_tasks_in_order():
    done = list(in_processes(square, [(number,) for number in range(5)], workers=1, tasks_a_process=2))
    assert [value for value, _ in done] == [0, 1, 4, 9, 16]
    assert len({process for _, process in done}) == 3


def test_results_come_as_they_are_done(tmp_path):
    results = in_processes(sleep, [(tmp_path, 1), (tmp_path, 0)], workers=2)
    assert next(results) > 0  # of the second task: the first one sleeps
    results.close()


def test_no_tasks_start_no_process():
    assert list(in_processes(square, [], workers=2)) == []


@pytest.mark.parametrize(("growth", "processes"), [(96 * MEBIBYTE, 2), (workers.GROWTH, 1)])
def test_a_process_that_grows_is_replaced(growth, processes):
    # After its first task a process holds 64 MiB, after its third one 128 MiB more than that, and 128 > 96.
    done = list(in_processes(grow, [(number,) for number in range(6)], workers=1, growth=growth))
    assert [done.count(process) for process in dict.fromkeys(done)] == [6 // processes] * processes


def test_large_tasks_and_results_pass():
    blobs = [bytes([number]) * (8 * MEBIBYTE) for number in range(6)]
    assert sorted(in_processes(doubled, [(blob,) for blob in blobs], workers=2)) == [blob + blob for blob in blobs]


@pytest.mark.slow
@pytest.mark.parametrize(("function", "message"), [(fail, "task 0 failed"), (die, "worker process died.*--workers")])
def test_failures_arrive(function, message):
    with pytest.raises(DataError, match=message):
        list(in_processes(function, [(0,)], workers=1))


def test_a_failure_ends_the_others_and_tells_where_it_was(tmp_path):
    with pytest.raises(DataError, match="task 0 failed") as failure:
        list(in_processes(sleep_or_fail, [(tmp_path, number) for number in range(3)], workers=2))
    assert "in sleep_or_fail" in failure.value.__notes__[0]
    assert all(gone(int(path.name)) for path in tmp_path.iterdir())


def test_a_task_that_wants_to_leave_says_so_in_the_main_process():
    with pytest.raises(SystemExit, match="task 0 wants to leave"):
        list(in_processes(leave, [(0,)], workers=1))


@pytest.mark.slow
def test_a_task_whose_process_died_is_done_at_the_end_alone_in_a_fresh_one(tmp_path):
    *others, last = in_processes(die_once, [(tmp_path / "marker", number) for number in range(5)], workers=2)
    numbers, _, ends, processes = zip(*others, strict=True)
    assert sorted(numbers) == [1, 2, 3, 4]
    number, began, _, process = last
    assert number == 0
    assert began >= max(ends)
    assert process not in processes


def test_tasks_that_always_kill_stop_the_work_after_all_others_are_done():
    done = []
    with pytest.raises(DataError, match=r"died twice.*\(exit code [13]\). What was finished is kept"):
        done.extend(in_processes(die_at_odd_numbers, [(number,) for number in range(5)], workers=2))
    assert sorted(done) == [0, 2, 4]


def test_tasks_that_always_kill_become_what_died_makes_of_them():
    tasks = [(number,) for number in range(5)]
    done = list(in_processes(die_at_odd_numbers, tasks, workers=2, died=lambda task, reason: (task, reason)))
    assert sorted(done[:3]) == [0, 2, 4]
    assert sorted(done[3:]) == [((1,), "exit code 1"), ((3,), "exit code 3")]


def test_a_killed_process_is_named():
    assert list(in_processes(die, [(0,)], 1, died=lambda task, reason: reason)) == ["killed by SIGKILL"]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (generator, r"returned a value of <class 'generator'>(?s:.*)does not pickle"),
        (unrebuildable, r"returned a value of <class '.*Unrebuildable'>(?s:.*)cannot be rebuilt"),
        (raise_holding, r"raised an exception(?s:.*)Holding: clip 3 broke(?s:.*)does not pickle"),
        (raise_demanding, r"raised an exception(?s:.*)Demanding: clip 7 at 3(?s:.*)cannot be rebuilt"),
    ],
)
def test_what_cannot_be_brought_over_is_named(function, message):
    with pytest.raises(RuntimeError, match=message):
        list(in_processes(function, [(3,)], workers=1))


def test_a_task_that_does_not_pickle_is_an_error():
    with pytest.raises(TypeError, match="generator"):
        list(in_processes(square, [(generator(1),)], workers=1))


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("raise ImportError('no such library')", "A worker process cannot start: ImportError.*no such library"),
        ("import os; os._exit(7)", r"No worker process can start.*exit code 7"),
    ],
)
def test_a_module_that_is_not_to_be_imported_is_an_error(tmp_path, monkeypatch, statement, message):
    lines = ["import multiprocessing", "if multiprocessing.parent_process():", f"    {statement}"]
    (tmp_path / "only_at_home.py").write_text("\n".join([*lines, "def task(number): return number"]))
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "only_at_home", raising=False)
    module = importlib.import_module("only_at_home")
    with pytest.raises(DataError, match=message):
        list(in_processes(module.task, [(number,) for number in range(9)], workers=2))


def test_an_iterator_closed_early_leaves_no_process(tmp_path):
    results = in_processes(sleep, [(tmp_path, number) for number in range(4)], workers=2)
    next(results)
    processes = [child.pid for child in multiprocessing.active_children()]
    assert len(processes) == 2  # one sleeps, the other does or starts
    results.close()
    assert all(map(gone, processes))


def test_a_process_that_ignores_its_end_is_killed(tmp_path, monkeypatch):
    monkeypatch.setattr(pebble.CONSTS, "term_timeout", 0.2)
    results = in_processes(sleep, [(tmp_path, number, True) for number in range(2)], workers=1)
    process = next(results)
    results.close()
    assert gone(process)


@pytest.mark.slow
@pytest.mark.parametrize("to_all", [True, False], ids=["from-a-terminal", "to-the-program-alone"])
def test_ctrl_c_ends_everything_quietly(tmp_path, to_all):
    program = (
        "import signal, sys; from pathlib import Path\n"
        "from records.building.workers import in_processes; from tests.records.building.test_workers import sleep\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
        "list(in_processes(sleep, [(Path(sys.argv[1]), number) for number in (1, 2, 3)], workers=2))"
    )
    arguments = [sys.executable, "-c", program, str(tmp_path)]
    process = subprocess.Popen(arguments, cwd=REPOSITORY, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        until(lambda: len(list(tmp_path.iterdir())) == 2)
        (os.killpg if to_all else os.kill)(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
        assert process.returncode == -signal.SIGINT
        assert errors.count("Traceback") == 1
        assert errors.endswith("KeyboardInterrupt\n")
        until(lambda: _empty(process.pid))
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _empty(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        list(in_processes(square, [(1,)], workers=0))
