"""Shared by the commands: the decorator that makes them, and the function that loads TensorFlow."""

from __future__ import annotations

import functools
import importlib
import shlex

import click

from experiments.cli.many_values import TYPED, ManyValues

command = functools.partial(click.command, cls=ManyValues)


def load_tensorflow() -> None:
    """Loads TensorFlow without its start-up messages.

    A command calls it after checking its arguments, so that wrong usage is refused at once, and before it imports
    modules that need TensorFlow.
    """
    importlib.import_module("tfafsr.keras_objects")


def typed() -> str:
    """The command line of the command that runs, as it was typed."""
    context = click.get_current_context()
    return shlex.join(["tfafsr", context.info_name, *context.meta[TYPED]])
