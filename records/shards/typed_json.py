"""Turns what a JSON file holds into dataclasses, and says which field has the wrong type: the file may be anyone's."""

from __future__ import annotations

import dataclasses
import functools
import math
import types
import typing


def from_json(kind: object, value: object, where: str = "") -> object:
    """The value as `kind`, every field and element of it checked.

    Args:
        kind: a dataclass, `dict[str, X]`, `list[X]`, `tuple[X, ...]`, `X | None`, `Literal[...]` of texts, `dict`,
            `str`, `int`, `float` (a finite number, whole ones too) or `bool`.
        value: what `json.loads` gave.
        where: the field's path, for messages.

    Raises:
        ValueError: a field is missing, unknown or of another type; the message names it.
    """
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where)
    base, arguments = typing.get_origin(kind) or kind, typing.get_args(kind)
    if base in (types.UnionType, typing.Union):  # Literal[...] | None is the latter
        chosen = next(one for one in arguments if (one is types.NoneType) == (value is None))
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
    if type(value) is not expected:  # not isinstance: True is no number here
        raise ValueError(f"{where or 'it'} must be {_NAMES[expected]}; it is {_short(value)}")
    if base is dict and arguments:
        return {key: from_json(arguments[1], one, f"{where}[{_short(key)}]") for key, one in value.items()}
    if expected is list:
        return base(from_json(arguments[0], one, f"{where}[{place}]") for place, one in enumerate(value))
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
        raise ValueError(f"{where or 'it'} has a field {_short(unknown[0])}, which is unknown")
    return kind(
        **{name: from_json(hints[name], one, f"{where}.{name}" if where else name) for name, one in value.items()}
    )


@functools.cache
def _hints(kind: type) -> dict[str, object]:
    return typing.get_type_hints(kind)


_NAMES = {dict: "an object", list: "a list", str: "a string", int: "a whole number", bool: "true or false"}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
