"""Configurations in, one line for the first number that is beyond what its field states.

A number of a configuration states its bounds beside its type: `epsilon: Annotated[float, Within(1e-30, 1e30)]`.
"""

from __future__ import annotations

import typing
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from emgasr.errors import ConfigError


class Within(NamedTuple):
    """The least and the largest value of a number, or of each number of a list; both ends are allowed."""

    low: float
    high: float


def check_within(config: Any, section: str = "") -> None:
    """Raise a ConfigError that names the first field of a dataclass beyond its bounds; `section` names the dataclass.

    NaN lies beyond all bounds.
    """
    kind: type = type(config)
    for name, hint in _bounded_fields(kind).items():
        for value, (low, high) in _numbers(hint, getattr(config, name)):
            if not low <= value <= high:
                where = f"{section}.{name}" if section else name
                raise ConfigError(where, f"{value:.10g} is out of range", f"give {low:.10g} to {high:.10g}")


def bounds_of(hint: Any) -> Iterator[tuple[type, Within | None]]:
    """Yield each number that a type hint speaks of, int or float, with its bounds; None where it states none."""
    if typing.get_origin(hint) is typing.Annotated:
        kind, *notes = typing.get_args(hint)
        stated = next((one for one in notes if isinstance(one, Within)), None)
        if kind in (int, float):
            yield kind, stated
        return
    if hint in (int, float):
        yield hint, None
    if typing.get_origin(hint) is not typing.Literal:
        for inner in typing.get_args(hint):
            yield from bounds_of(inner)


@cache
def _bounded_fields(config: type) -> dict[str, Any]:
    hints = typing.get_type_hints(config, include_extras=True)
    return {name: hint for name, hint in hints.items() if any(stated for _, stated in bounds_of(hint))}


def _numbers(hint: Any, value: Any) -> Iterator[tuple[Any, Within]]:
    """Yield the numbers of a value, each with the bounds that its hint states."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(value, str):  # a word that may stand in place of a number
        return
    if origin is typing.Annotated:
        yield value, next(one for one in arguments[1:] if isinstance(one, Within))
    elif isinstance(value, dict):
        for item in value.values():
            yield from _numbers(arguments[1], item)
    elif isinstance(value, list | tuple):
        listed = hint if origin is tuple else next(one for one in arguments if typing.get_origin(one) is tuple)
        inner = typing.get_args(listed)
        for place, item in enumerate(value):
            yield from _numbers(inner[0] if inner[-1] is Ellipsis else inner[place], item)
    elif value is not None:
        for one in arguments:
            if typing.get_origin(one) is typing.Annotated:
                yield from _numbers(one, value)
