"""A configuration's dataclass in; its options out, each with the text of its docstring, its default and its bounds."""

from __future__ import annotations

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from emgasr.config.bounds import Within, bounds_of
from emgasr.config.typed_data import Kinds

_ARGUMENT = re.compile(r"    (\w+): (.*)")


@dataclass(frozen=True)
class Option:
    """One option of a configuration.

    Args:
        name: dotted name, as in `encoder.width`.
        hint: type of its value.
        default: its value where nothing is given.
        text: what the docstring says of it.
        bounds: least and largest value of a number, or of each number of a list.
        choices: the words that it may be; empty where any value of its type may stand.
        kind: the kind of its section that has it, where the section comes in several.
    """

    name: str
    hint: Any
    default: Any
    text: str
    bounds: Within | None = None
    choices: tuple[str, ...] = ()
    kind: str = ""


@dataclass(frozen=True)
class Section:
    """The options of one dataclass: those of the configuration itself under the name "", else of a part of it."""

    name: str
    text: str
    options: tuple[Option, ...]


def sections_of(config: type, kinds: Kinds) -> Iterator[Section]:
    """Yield the options of a configuration section by section, those without a section first."""
    hints = typing.get_type_hints(config, include_extras=True)
    documented = arguments_of(config)
    own: list[Option] = []
    below: list[Section] = []
    for field in dataclasses.fields(config):
        name, default = field.name, default_of(field)
        if len(typing.get_args(hints[name])) == 1 and typing.get_origin(hints[name]) is typing.Literal:
            continue  # the kind of a section, where there is no other
        if name in kinds:
            below += _kinds_section(name, kinds[name], default, documented.get(name, ""))
        elif dataclasses.is_dataclass(hints[name]):
            below += _nested(name, typing.cast(type, hints[name]), default)
        else:
            own.append(_option(name, hints[name], default, documented.get(name, "")))
    yield Section("", summary_of(config), tuple(own))
    yield from below


@cache
def arguments_of(config: type) -> Mapping[str, str]:
    """Return what the `Args:` sections of a dataclass and of those that it extends say of each field."""
    found: dict[str, str] = {}
    for base in reversed(config.__mro__):
        documented, within = inspect.cleandoc(base.__dict__.get("__doc__") or ""), False
        name = ""
        for line in documented.splitlines():
            if not line.startswith(" "):
                within, name = line == "Args:" or (within and not line), ""
            elif within and (match := _ARGUMENT.fullmatch(line)):
                name = match[1]
                found[name] = match[2]
            elif within and name:
                found[name] += " " + line.strip()
    return found


def summary_of(config: type) -> str:
    """Return the first paragraph of a class's docstring, as one line."""
    return " ".join(inspect.cleandoc(config.__dict__.get("__doc__") or "").partition("\n\n")[0].split())


def default_of(field: dataclasses.Field[Any]) -> Any:
    """Return what a field is where nothing is given."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _nested(section: str, config: type, default: Any) -> Iterator[Section]:
    for inner in sections_of(config, {}):
        name = f"{section}.{inner.name}" if inner.name else section
        options = [_within(section, option, default) for option in inner.options]
        yield Section(name, inner.text, tuple(options))


def _within(section: str, option: Option, default: Any) -> Option:
    """The option by its name in the whole configuration, whose default may be another than the section's own."""
    value = default
    for part in option.name.split("."):
        value = getattr(value, part, option.default)
    return dataclasses.replace(option, name=f"{section}.{option.name}", default=value)


def _kinds_section(name: str, classes: Mapping[str, type], default: Any, text: str) -> Iterator[Section]:
    """One section of all kinds together, then one of each kind."""
    usual = next((kind for kind, config in classes.items() if type(default) is config), next(iter(classes)))
    kind = Option(f"{name}.kind", str, usual, text or f"which {name} it is", choices=tuple(classes))
    yield Section(name, "", (kind,))
    for one, config in classes.items():
        for inner in sections_of(config, {}):
            options = [
                dataclasses.replace(option, name=f"{name}.{option.name}", kind=one)
                for option in inner.options
                if option.name != "kind"
            ]
            yield Section(f"{name}: {one}", inner.text, tuple(options))


def _option(name: str, hint: Any, default: Any, text: str) -> Option:
    stated = [within for _, within in bounds_of(hint) if within]
    choices = typing.get_args(hint) if typing.get_origin(hint) is typing.Literal else ()
    plain = _without_bounds(hint)
    return Option(name, plain, default, text, stated[0] if stated else None, tuple(map(str, choices)))


def _without_bounds(hint: Any) -> Any:
    if typing.get_origin(hint) is typing.Annotated:
        return typing.get_args(hint)[0]
    return hint


def takes_text(hint: Any) -> bool:
    """Whether a value of this type may be any text, so that a word is taken as it is; one of numbers too is read."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        kinds = [one for one in typing.get_args(hint) if one is not types.NoneType]
        return str in kinds or all(map(takes_text, kinds))
    if typing.get_origin(hint) is typing.Literal:
        return any(isinstance(one, str) for one in typing.get_args(hint))
    return hint is str
