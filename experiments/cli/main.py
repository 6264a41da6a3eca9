"""The table of commands, and the click group that imports a command only when it runs."""

from __future__ import annotations

import errno
import importlib
import sys

import click

from experiments.version import version

INTERRUPTED = "Interrupted. Finished work is kept; run the same command again to continue."
FULL = (errno.ENOSPC, errno.EDQUOT)
COMMANDS: dict[str, tuple[str, str]] = {  # name -> (module with a command of that name, help)
    "quickstart": (
        "experiments.cli.quickstart",
        "All steps on rendered faces: forge, build, train, evaluate, report, export.",
    ),
    "detect": ("experiments.cli.detect", "Tell whether the faces in pictures and videos are manipulated."),
    "app": ("experiments.cli.app", "Serve a local web page: drop a picture or a video, read the report."),
    "forge": (
        "experiments.cli.forge",
        "Make a data set in FaceForensics++'s layout from rendered faces or photographs.",
    ),
    "probe": (
        "experiments.cli.probe",
        "Check whether anything but the manipulation reveals the labels of a forged data set.",
    ),
    "check": ("experiments.cli.check", "Report what a build would find, miss and cost, before anything is built."),
    "build": ("experiments.cli.build", "Turn a data set's videos into TFRecords of faces."),
    "inspect": (
        "experiments.cli.inspect",
        "Report what records hold, draw a contact sheet, look for leaks between splits.",
    ),
    "train": ("experiments.cli.train", "Train AFSR and TFE together; resumes an interrupted run."),
    "evaluate": ("experiments.cli.evaluate", "Measure frame and video AUC of a run, per method, with intervals."),
    "leave-one-out": (
        "experiments.cli.leave_one_out",
        "Train without each method in turn, and test on that method.",
    ),
    "table": (
        "experiments.cli.table",
        "Make the paper's tables: train and test its methods on your records.",
    ),
    "ablate": ("experiments.cli.ablate", "Measure what each part of the method is worth."),
    "report": ("experiments.cli.report", "Draw ROC curves, losses and a contact sheet of scored faces."),
    "export": ("experiments.cli.export", "Write a run's detector for TensorFlow Serving, LiteRT or a device."),
    "verify": (
        "experiments.cli.verify",
        "Compare exported models with the Keras model: probabilities, AUC, size, speed.",
    ),
}


class LazyGroup(click.Group):
    """A group that lists its commands from the table and imports a command only to run it."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of the commands, in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Imports the command called `cmd_name`; None if it is not in the table."""
        if cmd_name not in COMMANDS:
            return None
        return getattr(importlib.import_module(COMMANDS[cmd_name][0]), cmd_name.replace("-", "_"))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command; the error for a mistyped name suggests names from the table."""
        try:
            return super().resolve_command(ctx, args)
        except click.NoSuchCommand as error:
            raise click.NoSuchCommand(error.command_name, possibilities=COMMANDS, ctx=ctx) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Lists the commands from the table, so that help imports none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command; an error that is meant for the user becomes a message without a traceback."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:  # click would only print "Aborted!"
            sys.exit(INTERRUPTED)
        except Exception as error:
            if getattr(error, "for_user", False):
                from records.progress import escaped

                raise click.ClickException(escaped(str(error))) from error
            if isinstance(error, OSError) and error.errno in FULL:
                where = f"{error.filename} cannot be written" if error.filename else "Something cannot be written"
                message = f"{where} ({error.strerror}). Make room, and run the same command again."
                raise click.ClickException(message) from error
            raise


@click.command(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(version())
def cli() -> None:
    """Tells manipulated faces from real ones in low-resolution, heavily compressed images and videos."""


def main() -> None:
    """Entry point of the `tfafsr` script and of `python -m tfafsr`."""
    try:
        cli(prog_name="tfafsr")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
