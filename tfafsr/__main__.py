"""The command table: name -> where the command lives, imported only when it is asked for."""

from __future__ import annotations

import importlib
import sys

import click

INTERRUPTED = "Interrupted. What was finished is kept; the same command goes on from there."
COMMANDS: dict[str, tuple[str, str]] = {
    "quickstart": (
        "experiments.cli.train:quickstart",
        "The whole job in one go: forge, build, train, evaluate, report, export.",
    ),
    "forge": ("experiments.cli.forge:forge", "Make a data set in FaceForensics++'s layout from nothing but faces."),
    "probe": (
        "experiments.audit.probe:probe",
        "Tell whether a forged data set betrays itself by anything but the forgery.",
    ),
    "check": ("experiments.cli.build:check", "Say what a build would find, miss and cost, before anything is built."),
    "build": ("experiments.cli.build:build", "Turn a data set's videos into TFRecords of faces."),
    "inspect": (
        "experiments.audit.inspection:inspect",
        "Say what is in records, draw a contact sheet, look for leaks between splits.",
    ),
    "train": ("experiments.cli.train:train", "Train AFSR and TFE together; resumes what was interrupted."),
    "evaluate": ("experiments.cli.train:evaluate", "Frame and video AUC of a run, per method, with intervals."),
    "report": ("experiments.cli.train:report", "Draw ROC curves, losses and a contact sheet of scored faces."),
    "export": ("experiments.cli.export:export", "Write a run's detector for TensorFlow Serving, LiteRT or a device."),
    "verify": ("experiments.cli.export:verify", "Compare exported models with the Keras model: answers, AUC, speed."),
}


class LazyGroup(click.Group):
    """A group that knows its commands by name and imports one only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names, in the order in which a user meets them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command called `cmd_name`, or gives None for a name that is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name][0].split(":")
        return getattr(importlib.import_module(module), function)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands from the table alone, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; an error that is meant for the user becomes a message without a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would say no more than "Aborted!"
            sys.exit(INTERRUPTED)
        except Exception as error:
            if getattr(error, "for_user", False):
                raise click.ClickException(str(error)) from error
            raise


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(package_name=None, version=importlib.import_module("tfafsr.version").__version__)
def cli() -> None:
    """Tells manipulated faces from real ones in low-resolution, heavily compressed images and videos."""


def main() -> None:
    """Entry point of the `tfafsr` script and of `python -m tfafsr`."""
    try:
        cli(prog_name="tfafsr")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
