"""Targets with known faults, which the driver of attacks must report."""

import os
import signal
import time

from experiments.attacks.outcomes import refusal


class Planted:
    """A target whose attacks end in all possible ways, one after the other."""

    seconds = 8.0
    memory = 20 * 2**20

    def __init__(self, workspace, seed):
        self.seed = seed
        self.ways = {
            "harmless": lambda: ("harmless", ""),
            "refused": lambda: refusal("train.tfrecord is damaged.", ["train.tfrecord"]),
            "vague": lambda: refusal("cannot read it", ["train.tfrecord"]),
            "silent": lambda: ("silent", f"seed {self.seed}"),
            "traceback": lambda: [][0],
            "hang": lambda: time.sleep(60),
            "crash": lambda: os.kill(os.getpid(), signal.SIGSEGV),
            "memory": lambda: ("harmless", str(len(b"x" * (40 * 2**20)))),
        }

    def attack(self, number):
        """An attack that ends in the way of this number."""
        way = list(self.ways)[number % len(self.ways)]
        return f"ends with {way}", self.ways[way]


class Unmade(Planted):
    """A target whose attack cannot be made, which is a fault of the driver and not a finding."""

    def attack(self, number):
        raise ValueError("not made")
