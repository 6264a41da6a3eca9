"""The command line: all commands are in the table, help is quick, and errors of the user are named."""

import errno
import importlib
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from experiments import cli as room
from experiments.cli import main
from records.errors import DataError
from tfafsr import __version__

HEAVY = ("tensorflow", "keras", "av", "cv2", "sklearn", "matplotlib", "mtcnn", "numpy", "rich")


def call(*arguments):
    return CliRunner().invoke(main.cli, [str(argument) for argument in arguments], prog_name="tfafsr")


def run_in_the_group(error):
    """What the group makes of an error in a command of it."""

    def fail():
        raise error

    class Group(main.LazyGroup):
        def get_command(self, ctx, cmd_name):
            return click.Command(cmd_name, callback=fail)

    return CliRunner().invoke(Group("tfafsr"), ["fails"])


def commands_of_the_room():
    """Every click command that is the variable of some file in experiments/cli."""
    found = {}
    for path in Path(room.__file__).parent.glob("*.py"):
        module = importlib.import_module(f"experiments.cli.{path.stem}")
        commands = [value for value in vars(module).values() if isinstance(value, click.Command)]
        found |= {command.name: (module.__name__, command) for command in commands if command is not main.cli}
    return found


def test_every_command_is_in_the_table_under_its_file():
    found = commands_of_the_room()
    assert {name: module for name, (module, _) in found.items()} == {
        name: module for name, (module, _) in main.COMMANDS.items()
    }
    for name, (module, command) in found.items():
        assert module == f"experiments.cli.{name.replace('-', '_')}"
        assert command.help


@pytest.mark.parametrize("name", main.COMMANDS)
def test_help_of_each_command(name):
    result = call(name, "-h")
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"Usage: tfafsr {name} ")


def test_help_is_the_same_where_the_command_ran_without_the_group_before():
    command = main.cli.get_command(None, "probe")
    for arguments in (["--help"], ["-h"]):
        assert CliRunner().invoke(command, arguments).exit_code == 0


def test_help_lists_the_table_and_version_is_the_packages():
    listed = call("--help").output
    for name in main.COMMANDS:
        assert f"  {name} " in listed
    assert call("--version").output == f"tfafsr, version {__version__}\n"


def test_help_and_wrong_usage_load_no_heavy_package():
    program = f"""
import sys
from click.testing import CliRunner
from experiments.cli.main import COMMANDS, cli
wrong = [["trian"], ["export", "--run", "r", "--format", "savedmodel", "--out", "o", "--quantize", "int8"]]
each = [[name, end] for name in COMMANDS for end in ("-h", "--x")]
for arguments in [["--help"], ["--version"], *wrong, *each]:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == (0 if arguments[-1] in ("-h", "--help", "--version") else 2), (arguments, result.output)
print(sorted({HEAVY} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_python_m_loads_no_heavy_package():
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tfafsr", "--version"], capture_output=True, text=True
    )
    assert done.stdout == f"tfafsr, version {__version__}\n"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "experiments.cli.main" in imported
    assert not imported & set(HEAVY)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["trian"], "No such command 'trian'. Did you mean 'train'?"),
        (["evalute", "--run", "x"], "No such command 'evalute'. (Did you mean one of: 'ablate', 'evaluate'?)"),
        (["nonsense"], "No such command 'nonsense'."),
        (["train", "--drop-evry", "2"], "No such option '--drop-evry'. Did you mean '--drop-every'?"),
        (["build", "--wrokers", "2"], "No such option '--wrokers'. Did you mean '--workers'?"),
        (["build", "--root", "x", "--out", "y", "stray"], "Got unexpected extra argument (stray)"),
        (["build", "--root", "x"], "Missing option '--out'."),
        (["build", "--root", "x", "--out", "y", "--methods", "Deepfake"], "'Deepfake' is none of Deepfakes, "),
        (["build", "--root", "x", "--out", "y", "--size", "20"], "20 is not in the range 64<=x<=1024."),
        (["forge", "--faces", "rendered", "--out", "y", "--layout", "v2"], "'v2' is not one of 'v3', "),
        (["inspect"], "Missing argument 'RECORDS...'."),
        (["inspect", "a", "b", "--png", "c"], "--png draws one folder of records."),
        (["probe", "not-there"], "Directory 'not-there' does not exist."),
        (["train", "--records", "a", "--compression", "c40", "--out", "b", "--learning-rate", "0"], "range x>0."),
        (["leave-one-out", "--records", "a", "--compression", "c40"], "Missing option '--out'."),
        (["verify", "--run", "x", "--records", "y"], "Missing argument 'MODEL...'."),
    ],
)
def test_wrong_usage_is_named(arguments, message):
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.output
    assert "Traceback" not in result.output


@pytest.mark.parametrize("flag", ["--runner=direct", "--runner direct"])
def test_what_build_does_not_know_is_left_to_beam(flag):
    command = importlib.import_module("experiments.cli.build").build
    arguments = ["--root", "x", "--out", "y", *flag.split(), "--direct_num_workers", "2"]
    context = command.make_context("build", arguments)
    assert context.params["beam_options"] == ("--direct_num_workers", "2")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            DataError("out/manifest.json is damaged; build again."),
            "Error: out/manifest.json is damaged; build again.\n",
        ),
        (DataError("new\nline\x1b[31m.mp4 is empty."), "Error: new\\nline\\x1b[31m.mp4 is empty.\n"),
        (
            OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "run/model.keras"),
            "Error: run/model.keras cannot be written (No space left on device). Make room, and run the same command "
            "again.\n",
        ),
    ],
)
def test_an_error_of_the_user_is_a_message_without_a_traceback(error, said):
    result = run_in_the_group(error)
    assert (result.exit_code, result.output) == (1, said)


def test_a_fault_of_ours_keeps_its_traceback():
    fault = ZeroDivisionError("ours")
    assert run_in_the_group(fault).exception is fault


def test_ctrl_c_says_that_the_work_can_go_on():
    result = run_in_the_group(KeyboardInterrupt())
    assert (result.exit_code, result.output) == (1, main.INTERRUPTED + "\n")
