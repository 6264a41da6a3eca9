"""What the commands share: their class, and the loading of TensorFlow once their arguments are right."""

from __future__ import annotations

import functools
import importlib

import click

from experiments.cli.many_values import ManyValues

command = functools.partial(click.command, cls=ManyValues)


def load_tensorflow() -> None:
    """Loads TensorFlow without its start-up notes.

    A command calls this before it imports anything that needs TensorFlow, and after it has refused wrong usage, which
    so takes no seconds.
    """
    importlib.import_module("tfafsr.keras_objects")
