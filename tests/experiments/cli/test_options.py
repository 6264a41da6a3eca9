"""Options made from a dataclass: each type of field, defaults, metadata, nested dataclasses."""

import dataclasses
from pathlib import Path
from typing import Literal

import click
import pytest
from click.testing import CliRunner

from experiments.cli.command import command
from experiments.cli.options import options
from records.building import BuildOptions


@dataclasses.dataclass(frozen=True)
class Inner:
    pooling: Literal["gap", "gmp"] | None = dataclasses.field(
        default=None, metadata={"help": "How features are pooled."}
    )


@dataclasses.dataclass(frozen=True)
class Outer:
    name: str = dataclasses.field(metadata={"help": "Any text.", "metavar": "TEXT|none"})
    inner: Inner = Inner()
    size: int = dataclasses.field(default=225, metadata={"range": (64, 1024)})
    rate: float | None = dataclasses.field(default=None, metadata={"range": (0, None), "min_open": True})
    splits: Path | None = None
    levels: tuple[str, ...] = dataclasses.field(default=("raw", "c40"), metadata={"choices": ("raw", "c23", "c40")})
    folders: tuple[str, ...] | None = None
    layout: str = dataclasses.field(default="v3", metadata={"choices": ("v3", "c0")})
    no_ela: bool = False
    equalise: bool | None = None
    balanced: bool = dataclasses.field(default=True, metadata={"flag": "--balanced/--unbalanced"})
    augment: bool = True


@command()
@click.option("--out", default="o")
@options(Outer, "chosen")
@click.argument("rest", nargs=-1)
def made(out, chosen, rest):
    """A command with such options."""
    click.echo(repr((out, chosen, rest)))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("--name n", Outer("n")),
        ("--name n --pooling gmp --size 64 --rate 0.1", Outer("n", Inner("gmp"), size=64, rate=0.1)),
        ("--name n --splits a/b --layout c0", Outer("n", splits=Path("a/b"), layout="c0")),
        ("--name n --levels c23 raw --folders a,b", Outer("n", levels=("c23", "raw"), folders=("a", "b"))),
        ("--name n --no-ela --no-equalise", Outer("n", no_ela=True, equalise=False)),
        ("--name n --equalise --unbalanced --no-augment", Outer("n", equalise=True, balanced=False, augment=False)),
    ],
)
def test_the_command_receives_an_instance(arguments, expected):
    result = CliRunner().invoke(made, arguments.split())
    assert result.output.strip() == repr(("o", expected, ())), result.output


def test_it_stands_among_other_options():
    result = CliRunner().invoke(made, ["--out", "x", "--name", "n", "y", "z"])
    assert result.output.strip() == repr(("x", Outer("n"), ("y", "z")))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("", "Missing option '--name'"),
        ("--name n --size 32", "64<=x<=1024"),
        ("--name n --rate 0", "x>0"),
        ("--name n --levels c41", "'c41' is none of raw, c23, c40"),
        ("--name n --layout v2", "'v2' is not one of 'v3', 'c0'"),
        ("--name n --pooling mean", "'mean' is not one of 'gap', 'gmp'"),
    ],
)
def test_what_does_not_fit_is_named(arguments, message):
    result = CliRunner().invoke(made, arguments.split())
    assert result.exit_code == 2
    assert message in result.output


def test_help_comes_from_the_metadata():
    text = " ".join(CliRunner().invoke(made, ["--help"], terminal_width=120).output.split())
    for part in ("--name TEXT|none Any text. [required]", "How features are pooled.", "[default: 225; 64<=x<=1024]"):
        assert part in text
    assert "--balanced / --unbalanced" in text
    assert "--no-no-ela" not in text


def test_a_type_that_no_option_can_have_is_refused():
    odd = dataclasses.make_dataclass("Odd", [("table", dict, dataclasses.field(default_factory=dict))])
    with pytest.raises(TypeError, match="table: no option can be made of"):
        options(odd, "chosen")(lambda chosen: None)


def test_the_defaults_of_the_command_are_those_of_the_dataclass():
    @command()
    @options(BuildOptions, "content")
    def build(content):
        click.echo(repr(content))

    assert CliRunner().invoke(build, []).output.strip() == repr(BuildOptions())
