"""Processes that train, alone or as two workers on this machine, for tests that kill them."""

import contextlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time

import pytest

ADVICE = "start the same command on all workers again"


def start(config, run, said, *options, **variables):
    """A process that trains `config`; its messages go to the file `said`."""
    line = f"-m tfafsr train --preset tiny --compression c40 --epochs {config.epochs} --batch-size {config.batch_size}"
    line += f" --learning-rate {config.learning_rate} --shares {config.shares}"
    for name, value in config.detector.given().items():
        line += f" --{name.replace('_', '-')} {value}"
    with said.open("wb") as file:  # not a pipe: a worker would stand still when nobody reads
        return subprocess.Popen(
            [sys.executable, *line.split(), *options, "--records", *config.records, "--out", str(run)],
            env={**os.environ, "PYTHONFAULTHANDLER": "1", "TF_NUM_INTEROP_THREADS": "4", **variables},
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def free_ports(number):
    """Ports of this machine that are free, and that no connection going out is given meanwhile."""
    with contextlib.ExitStack() as stack:
        ports = []
        while len(ports) < number:
            one = stack.enter_context(socket.socket())
            with contextlib.suppress(OSError):  # it is in use
                one.bind(("127.0.0.1", random.SystemRandom().randrange(20_000, 32_000)))
                ports.append(one.getsockname()[1])
        return ports


class Two:
    """Two workers on this machine, the chief first; they are killed at the end of the block if they still run."""

    def __init__(self, config, run):
        addresses = [f"127.0.0.1:{port}" for port in free_ports(2)]
        self.files = [run.parent / f"worker{number}.txt" for number in range(2)]
        self.workers = [
            start(
                config,
                run,
                file,
                *("--strategy", "multiworker"),
                TF_CONFIG=json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": number}}),
            )
            for number, file in enumerate(self.files)
        ]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for worker in self.workers:
            worker.kill()
            worker.wait()

    def said(self, number):
        """What one worker wrote until now, in one line."""
        return " ".join(self.files[number].read_text().split())

    def everything(self):
        """What both wrote at last, and where they stand if they still run."""
        for worker in self.workers:
            worker.send_signal(signal.SIGABRT)  # Python's fault handler writes the lines of all threads
            worker.wait()
        return "\n".join(file.read_text()[-6000:] for file in self.files)

    def reach(self, event, seconds=240):
        """Whether something happened while the workers live.

        On a machine with too much to do a worker may not answer in time. Both must then have ended as if it had died.
        """
        deadline = time.monotonic() + seconds
        while not event():
            if any(worker.poll() is not None for worker in self.workers):
                return self.check_loss()
            assert time.monotonic() < deadline, self.everything()
            time.sleep(0.005)
        return True

    def check_loss(self):
        """False; both workers have ended, or end now, with the advice to start them again."""
        assert [self.ended(number, seconds=60) for number in range(2)] == [1, 1], self.everything()
        assert all(ADVICE in self.said(number) for number in range(2)), self.everything()
        return False

    def ended(self, number, seconds):
        """The exit status of one worker."""
        try:
            return self.workers[number].wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            pytest.fail(self.everything())
