"""Turns JSON values from untrusted files into dataclasses; errors name the field with the wrong type."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing


def from_json(kind: object, value: object, where: str = "") -> object:
    """Converts a JSON value to `kind` and checks the type of every field and element.

    Args:
        kind: a dataclass, `dict[str, X]`, `list[X]`, `tuple[X, ...]`, `X | None`, `Literal[...]` of strings, `dict`,
            `str`, `int`, `float` (finite; an int is accepted) or `bool`.
        value: a value that `json.loads` returned.
        where: path of the field, for messages.

    Raises:
        ValueError: a field is missing, unknown or of another type; the message names the field.
    """
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    base, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if base in (types.UnionType, typing.Union):  # the type of Literal[...] | None is typing.Union
        chosen = next(argument for argument in arguments if (argument is types.NoneType) == (value is None))
        return None if value is None else from_json(chosen, value, where)
    if base is typing.Literal:
        if type(value) is not str or value not in arguments:
            raise ValueError(f"{where or 'it'} must be one of {', '.join(arguments)}; it is {_short(value)}")
        return value
    if base is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise ValueError(f"{where or 'it'} must be a finite number; it is {_short(value)}")
        return float(value)
    expected = list if base is tuple else base
    if type(value) is not expected:  # isinstance would accept True as an int
        raise ValueError(f"{where or 'it'} must be {_NAMES[expected]}; it is {_short(value)}")
    if base is dict and arguments:
        return {key: from_json(arguments[1], element, f"{where}[{_short(key)}]") for key, element in value.items()}
    if expected is list:
        return base(from_json(arguments[0], element, f"{where}[{index}]") for index, element in enumerate(value))
    return value


def _dataclass(kind: type, value: object, where: str) -> object:
    if type(value) is not dict:
        raise ValueError(f"{where or 'it'} must be an object; it is {_short(value)}")
    fields = {field.name: field for field in dataclasses.fields(kind)}
    hints = _hints(kind)
    for name, field in fields.items():
        if name not in value and field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{where or 'it'} lacks {name}")
    if unknown := sorted(value.keys() - fields.keys()):
        raise ValueError(f"{where or 'it'} has an unknown field {_short(unknown[0])}")
    paths = {name: f"{where}.{name}" if where else name for name in value}
    return kind(**{name: from_json(hints[name], value[name], path) for name, path in paths.items()})


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


_NAMES = {dict: "an object", list: "a list", str: "a string", int: "a whole number", bool: "true or false"}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
