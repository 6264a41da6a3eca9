"""The grammar of lists: values up to the next flag, commas, and the flag again."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from experiments.cli.many_values import ManyValues, several


def print_sizes(context, parameter, value):
    if value is not None:
        click.echo(repr(value))


@click.command(cls=ManyValues)
@click.option("--root", required=True)
@several("--compressions", "-c", choices=("raw", "c23", "c40"), default=("raw", "c23", "c40"), show_default=True)
@several("--methods", default=None)
@several("--sizes", each=click.IntRange(4, 64), default=None, expose_value=False, callback=print_sizes)
@click.option("--fast", is_flag=True)
def command(root, compressions, methods, fast):
    """A command with three options of several values."""
    click.echo(repr((root, compressions, methods, fast)))


ALL = ("raw", "c23", "c40")


@pytest.mark.parametrize(
    ("args", "expected"),
    [
        ("--root r", ("r", ALL, None, False)),
        ("--root r --compressions c40", ("r", ("c40",), None, False)),
        ("--compressions c40 raw --root r", ("r", ("c40", "raw"), None, False)),
        ("--compressions c40 raw --fast --root r", ("r", ("c40", "raw"), None, True)),
        ("--compressions=c40 --compressions raw --root r", ("r", ("c40", "raw"), None, False)),
        ("--root r -c c40,raw c40", ("r", ("c40", "raw"), None, False)),
        ("--root=r --methods A B --compressions raw", ("r", ("raw",), ("A", "B"), False)),
    ],
)
def test_values_go_on_until_the_next_flag(args, expected):
    result = CliRunner().invoke(command, args.split())
    assert result.output.strip() == repr(expected)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ("--root r --compressions", "'--compressions' needs at least one value"),
        ("--root r --compressions --fast", "needs at least one value"),
        ("--root r --compressions c40 c41", "'c41' is none of raw, c23, c40"),
        ("--root r --sizes 16 65", "65 is not in the range 4<=x<=64"),
        ("--root r --sizes 16,big", "'big' is not a valid integer range"),
        ("--root r stray", "unexpected extra argument"),
    ],
)
def test_what_is_wrong_is_named(args, message):
    result = CliRunner().invoke(command, args.split())
    assert result.exit_code == 2
    assert message in result.output


def test_values_may_be_numbers():
    result = CliRunner().invoke(command, ["--sizes", "64", "16,16", "--root", "r"])
    assert result.output.splitlines()[0] == "(64, 16)"


def test_a_folder_that_is_there_keeps_its_commas(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a,b").mkdir()
    result = CliRunner().invoke(command, ["--root", "r", "--methods", "a,b", "c,d"])
    assert result.output.strip() == repr(("r", ALL, ("a,b", "c", "d"), False))


def test_help_names_the_choices():
    assert "raw|c23|c40 ..." in CliRunner().invoke(command, ["--help"]).output
