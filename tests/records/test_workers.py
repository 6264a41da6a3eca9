"""Processes: every task is done, more tasks than a process may do too; failures arrive."""

import os
import signal

import pytest

from records.errors import DataError
from records.workers import in_processes


def square(number):
    return number * number, os.getpid()


def fail(number):
    raise DataError(f"task {number} failed")


def die(number):
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_processes_are_replaced_and_nothing_hangs():
    done = list(in_processes(square, [(number,) for number in range(5)], workers=1, tasks_a_process=2))
    assert sorted(value for value, _ in done) == [0, 1, 4, 9, 16]
    assert len({process for _, process in done}) == 3


def test_no_tasks_start_no_process():
    assert list(in_processes(square, [], workers=2)) == []


@pytest.mark.slow
@pytest.mark.parametrize(("function", "message"), [(fail, "task 0 failed"), (die, "worker process died.*--workers")])
def test_failures_arrive(function, message):
    with pytest.raises(DataError, match=message):
        list(in_processes(function, [(0,)], workers=1))


def test_no_workers_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        list(in_processes(square, [(1,)], workers=0))
