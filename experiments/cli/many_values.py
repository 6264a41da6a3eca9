"""Options with several values: `--flag a b c`, `--flag a,b,c` and `--flag a --flag b --flag c` mean the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence

import click

HELP = {"help_option_names": ["-h", "--help"]}
_BETWEEN = "\x1f"
TYPED = "typed"  # key of click's `meta`: the arguments as they were typed


class ManyValues(click.Command):
    """A command whose `several(...)` options take every value up to the next flag.

    click reads a fixed number of values after a flag. So this command joins the values after such a flag into one
    before click parses them; `Several` splits them again.
    """

    def __init__(self, *arguments: object, **settings: object) -> None:
        # Of the command itself and not of the group alone: click keeps the help option of the first call.
        super().__init__(*arguments, context_settings=HELP, **settings)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Joins `--flag a b c` and `--flag a --flag b` into one value for each such flag, then parses as click does."""
        ctx.meta[TYPED] = tuple(args)
        flags = {
            flag: max(parameter.opts, key=len)
            for parameter in self.params
            if isinstance(parameter.type, Several)
            for flag in parameter.opts
        }
        gathered: dict[str, list[str]] = {}
        rest: list[str] = []
        open_flag: str | None = None
        for position, argument in enumerate(args):
            flag, equals, value = argument.partition("=")
            if argument == "--":
                rest += args[position:]
                break
            if flag in flags and (equals or argument == flag):
                open_flag = flags[flag]
                gathered.setdefault(open_flag, [])
                if equals:
                    gathered[open_flag].append(value)
            elif argument.startswith("-") and len(argument) > 1:
                open_flag = None
                rest.append(argument)
            elif open_flag is not None:
                gathered[open_flag].append(argument)
            else:
                rest.append(argument)
        for flag, values in gathered.items():
            if not values:
                raise click.UsageError(f"Option '{flag}' needs at least one value.", ctx)
        joined = [part for flag, values in gathered.items() for part in (flag, _BETWEEN.join(values))]
        return super().parse_args(ctx, joined + rest)


class Several(click.ParamType):
    """One or more values, converted to a tuple in the order typed, without duplicates.

    Args:
        choices: the allowed values; None for any.
        each: the type of each value; None for text.
    """

    name = "several"

    def __init__(self, choices: Sequence[str] | None = None, each: click.ParamType | None = None) -> None:
        self.choices = tuple(choices) if choices is not None else None
        self.each = each

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str:
        """`raw|c23|c40 ...`, or `NAME ...` if any value is allowed."""
        return ("|".join(self.choices) if self.choices else "NAME") + " ..."

    def convert(self, value: str | Sequence[str], param: click.Parameter | None, ctx: click.Context | None) -> tuple:
        """Splits the joined values; a value that is not one of `choices`, or not of the type of each, is an error."""
        parts = value.split(_BETWEEN) if isinstance(value, str) else value
        values = tuple(dict.fromkeys(one for part in parts for one in self._apart(part)))
        if not values:
            self.fail("needs at least one value", param, ctx)
        for one in values:
            if self.choices is not None and one not in self.choices:
                self.fail(f"{one!r} is none of {', '.join(self.choices)}", param, ctx)
        return values if self.each is None else tuple(dict.fromkeys(self.each(one, param, ctx) for one in values))

    def _apart(self, text: str) -> Iterator[str]:
        """The values between commas; the name of an existing file or folder is not split."""
        if self.choices is None and "," in text and os.path.exists(text):
            yield text
        else:
            yield from (part.strip() for part in text.split(",") if part.strip())


def several(
    *flags: str, choices: Sequence[str] | None = None, each: click.ParamType | None = None, **settings: object
) -> Callable[[Callable], Callable]:
    """A decorator like `click.option` for an option that takes several values.

    Use it on a command made with `@click.command(cls=ManyValues)`. A positional argument must not come right after such
    an option: its values go on until the next flag.
    """
    return click.option(*flags, type=Several(choices, each), **settings)
