"""Makes the options of a command from a frozen dataclass, so that names, defaults, ranges and help are declared once.

A field's annotation gives the option's type:

    int, float, str, Path   one value
    bool                    a flag: `--name`, or `--name/--no-name` where the default is True or None
    Literal["a", "b"]       one of these
    tuple[str, ...]         a list
    a dataclass             its own fields, as options of the same command

`X | None` is an optional option; a field without a default is a required one. The field's metadata give the rest:

    help, metavar           the texts in --help
    flag                    the flag or flags, if other than the field's name, as `--balanced/--unbalanced`
    choices                 for a str or a list: the allowed values
    range, min_open         for a number: (lowest, highest), None for no bound; True if `lowest` itself is not allowed
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

import click

from experiments.cli.many_values import Several
from records.places import Place, is_url, place

FOLDER = click.Path(file_okay=False, path_type=Path)
FILE = click.Path(dir_okay=False, path_type=Path)
ANY_PATH = click.Path(path_type=Path)


class FolderOrUrl(click.Path):
    """A folder, or a URL such as gs://bucket/records; the value is a `records.places.Place`."""

    def convert(self, value, param, context) -> Place:
        """Checks a local folder as `click.Path` does."""
        return place(value) if is_url(value) else super().convert(value, param, context)


FOLDER_OR_URL = FolderOrUrl(file_okay=False, path_type=Path)


def options(declared: type, name: str, fixed: Mapping[str, object] | None = None) -> Callable[[Callable], Callable]:
    """Decorates a command's function with an option for each field of a dataclass.

    Args:
        declared: the dataclass.
        name: the function's argument that receives an instance of it.
        fixed: fields of dataclasses inside it that are no options, with their values.

    Raises:
        TypeError: the type of a field is none of those above.
    """
    fixed = fixed or {}

    def decorate(function: Callable) -> Callable:
        @functools.wraps(function)
        def receive(*args: object, **values: object) -> object:
            given = {**values, **fixed}
            instance = _instance(declared, given)
            rest = {name: value for name, value in values.items() if name in given}
            return function(*args, **{name: instance}, **rest)

        for field, annotation in reversed(list(_flat(declared))):
            if field.name in fixed:
                continue
            receive = _option(field, annotation)(receive)
        return receive

    return decorate


def _fields(declared: type) -> Iterator[tuple[dataclasses.Field, Any]]:
    annotations = typing.get_type_hints(declared)
    for field in dataclasses.fields(declared):
        yield field, annotations[field.name]


def _flat(declared: type) -> Iterator[tuple[dataclasses.Field, Any]]:
    """The fields; a nested dataclass is replaced by its own fields."""
    for field, annotation in _fields(declared):
        if dataclasses.is_dataclass(annotation):
            yield from _flat(annotation)
        else:
            yield field, annotation


def _instance(declared: type, values: dict[str, object]) -> object:
    """Removes the fields' values from `values` and makes an instance of the dataclass from them."""
    return declared(
        **{
            field.name: _instance(annotation, values)
            if dataclasses.is_dataclass(annotation)
            else values.pop(field.name)
            for field, annotation in _fields(declared)
        }
    )


def _option(field: dataclasses.Field, annotation: object) -> Callable[[Callable], Callable]:
    kind, optional = _without_none(annotation)
    flag = "--" + field.name.replace("_", "-")
    settings: dict[str, object] = {name: field.metadata.get(name) for name in ("help", "metavar")}
    if field.default is dataclasses.MISSING:
        settings["required"] = True
    else:
        settings |= {"default": field.default, "show_default": field.default is not None}
    if kind is bool:
        if field.default is False and not optional:
            settings |= {"is_flag": True, "show_default": False}
        else:
            flag = f"{flag}/--no-{flag[2:]}"
    else:
        settings["type"] = _type(field, kind)
    flags = field.metadata.get("flag", flag)
    return click.option(*((flags,) if isinstance(flags, str) else flags), field.name, **settings)


def _without_none(annotation: object) -> tuple[object, bool]:
    """`X | None` -> (X, True); any other type -> (itself, False)."""
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) is typing.Union:
        kinds = [kind for kind in typing.get_args(annotation) if kind is not type(None)]
        if len(kinds) == 1:
            return kinds[0], True
    return annotation, False


def _type(field: dataclasses.Field, kind: object) -> click.ParamType:
    if kind in (int, float) and "range" in field.metadata:
        in_range = click.IntRange if kind is int else click.FloatRange
        return in_range(*field.metadata["range"], min_open=field.metadata.get("min_open", False))
    if kind is str and "choices" in field.metadata:
        return click.Choice(field.metadata["choices"])
    if kind in (int, float, str):
        return click.types.convert_type(kind)
    if kind is Path:
        return ANY_PATH
    if typing.get_origin(kind) is Literal:
        return click.Choice(typing.get_args(kind))
    if typing.get_origin(kind) is tuple:
        return Several(field.metadata.get("choices"))
    raise TypeError(f"{field.name}: no option can be made of the type {kind}.")
