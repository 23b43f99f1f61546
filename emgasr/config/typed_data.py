"""Plain data (of YAML or JSON) and a dataclass in; what the dataclass may hold out, or one line that names the key.

Only the fields of our own dataclasses are looked for: no value names a class, a file or anything else to be loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import types
import typing
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from emgasr.config.renamed import renamed_keys
from emgasr.errors import ConfigError, EmgasrError

Config = TypeVar("Config")
# A field whose dataclass depends on its `kind`: {"encoder": {"conformer": ConformerConfig, "tds": TDSConfig}}.
Kinds = Mapping[str, Mapping[str, type]]


def checked(config: type, kinds: Kinds, mapping: Any, where: str | Path, section: str = "") -> dict[str, Any]:
    """Return `mapping` with values of the types of `config`'s fields; a ConfigError names `where` and the key."""
    if not isinstance(mapping, dict):
        if section:
            raise ConfigError(where, f"{section} is {shown(mapping)}, not a mapping of options", f"write `{section}:`")
        raise ConfigError(where, "is not a mapping of options", "see the configs of the recipes")
    hints = _hints(config)
    result: dict[str, Any] = {}
    for key, value in renamed_keys(config, mapping, where).items():
        name = f"{section}.{key}" if section else str(key)
        if key not in hints:
            near = difflib.get_close_matches(str(key)[:80], hints, n=1)
            advice = f"did you mean {near[0]}?" if near else f"known are {', '.join(hints)}"
            raise ConfigError(where, f"the option {shown(name)} is unknown", advice)
        if key in kinds:
            kind = kind_in(value, key, kinds, where) or next(iter(kinds[key]))
            result[key] = checked(kinds[key][kind], {}, value, where, name) | {"kind": kind}
        elif dataclasses.is_dataclass(hints[key]):
            result[key] = checked(typing.cast(type, hints[key]), {}, value, where, name)
        else:
            result[key] = _value(hints[key], value, name, where)
    return result


def built(config: type[Config], kinds: Kinds, values: Mapping[str, Any], where: str | Path) -> Config:
    """Return the `config` of values that `checked` returned; fields left out keep their defaults."""
    hints = _hints(typing.cast(type, config))
    given: dict[str, Any] = {}
    for field in dataclasses.fields(config):  # type: ignore[arg-type]
        if field.name not in values:
            continue
        value = values[field.name]
        if field.name in kinds or dataclasses.is_dataclass(hints[field.name]):
            section = kinds[field.name][value["kind"]] if field.name in kinds else hints[field.name]
            default = field.default_factory() if field.default_factory is not dataclasses.MISSING else None
            if type(default) is section:  # a default of its own, as PersonalizeConfig has for its windows
                value = _over(default, value, where)
            else:
                value = built(section, {}, value, where)
        given[field.name] = value
    return typing.cast(Config, _told(lambda: config(**given), where))


def _over(default: Any, values: Mapping[str, Any], where: str | Path) -> Any:
    """Return a dataclass with the values that `checked` returned in place of its own, at any depth."""
    given = dict(values)
    for name, value in values.items():
        if isinstance(value, dict) and dataclasses.is_dataclass(own := getattr(default, name)):
            given[name] = _over(own, value, where)
    return _told(lambda: dataclasses.replace(default, **given), where)


def kind_in(section: Any, name: str, kinds: Kinds, where: str | Path) -> str | None:
    """Return the kind that a section states, None if it states none; a ConfigError if there is no such kind."""
    if section is not None and not isinstance(section, dict):
        advice = f"write `{name}: {{kind: …}}`"
        raise ConfigError(where, f"{name} is {shown(section)}, not a mapping of options", advice)
    kind = section.get("kind") if section else None
    if kind is not None and (not isinstance(kind, str) or kind not in kinds[name]):
        raise ConfigError(where, f"{name}.kind {shown(kind)} is unknown", f"choose {' or '.join(kinds[name])}")
    return kind


def shown(value: Any) -> str:
    """Return a value as an error line shows it: a short one whole, of a long one the beginning."""
    if isinstance(value, dict | list | tuple) and len(value) > 4:
        return f"a {type(value).__name__} of {len(value)}"
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"


@cache
def _hints(config: type) -> dict[str, Any]:
    hints = typing.get_type_hints(config)
    return {field.name: hints[field.name] for field in dataclasses.fields(config)}


def _told(build: Any, where: str | Path) -> Any:
    """Build a dataclass; a ConfigError names the file where the dataclass refuses a value, or cannot count it."""
    try:
        return build()
    except EmgasrError as error:  # which names the option alone
        raise ConfigError(where, f"{error.where}: {error.wrong}", error.advice) from error
    except (TypeError, ValueError, ArithmeticError) as error:
        raise ConfigError(where, f"an option has an impossible value ({error})", "mend the options") from error


def _value(hint: Any, value: Any, name: str, where: str | Path) -> Any:
    fit = _fit(hint, value)
    if fit is _NO_FIT:
        advice = f"give {described(hint)}"
        if value is None:
            raise ConfigError(where, f"{name} is null, where a value is needed", f"{advice}, or leave the line out")
        raise ConfigError(where, f"{name} is {shown(value)}", advice)
    return fit


_NO_FIT = object()


def _fit(hint: Any, value: Any) -> Any:
    """Return `value` as `hint` wants it, or _NO_FIT: whole numbers are floats too, lists are tuples; nothing else."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return next((fit for one in arguments if (fit := _fit(one, value)) is not _NO_FIT), _NO_FIT)
    if origin is typing.Literal:
        return next((one for one in arguments if type(one) is type(value) and one == value), _NO_FIT)
    if hint in (Any, object):
        return value
    if origin in (tuple, Sequence):
        if origin is Sequence:
            arguments = (*arguments, Ellipsis)
        if not isinstance(value, list | tuple):
            return _NO_FIT
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            wanted: list[Any] = [arguments[0]] * len(value)
        else:
            wanted = list(arguments)
        if len(wanted) != len(value):
            return _NO_FIT
        items = tuple(_fit(one, item) for one, item in zip(wanted, value, strict=True))
        return _NO_FIT if any(item is _NO_FIT for item in items) else items
    if origin in (dict, Mapping):
        if not isinstance(value, dict):
            return _NO_FIT
        found = {key: _fit(arguments[1], item) for key, item in value.items()}
        return _NO_FIT if any(fit is _NO_FIT for fit in found.values()) else found
    if hint is float:
        if type(value) not in (int, float) or not math.isfinite(value):
            return _NO_FIT
        return float(value)
    if hint in (bool, int, str, types.NoneType):
        return value if type(value) is hint else _NO_FIT
    raise TypeError(f"{hint} is no type of plain data")  # a mistake of ours


_WORDS = {bool: "true or false", int: "a whole number", float: "a finite number", str: "text", types.NoneType: "null"}


def fits(hint: Any, value: Any) -> bool:
    """Return whether plain data is of the kind that a type hint names."""
    return _fit(hint, value) is not _NO_FIT


def described(hint: Any) -> str:
    """Return the words for a type hint, as in "a list, each item text"."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType, typing.Literal):
        return " or ".join(repr(one) if origin is typing.Literal else described(one) for one in arguments)
    if hint in (Any, object):
        return "anything"
    if origin in (tuple, Sequence):
        return "a list, each item " + " then ".join(described(one) for one in arguments if one is not Ellipsis)
    if origin in (dict, Mapping):
        return f"a mapping to {described(arguments[1])}"
    return _WORDS[hint]
