"""A configuration's dataclass in; options of a parser, and of what was given the checked configuration, out."""

from __future__ import annotations

import argparse
import sys
import typing
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Generic

from emgasr.cli.options.parser import ArgumentParser
from emgasr.cli.options.renamed import Renamed
from emgasr.config.described import Option, default_of, sections_of, takes_text
from emgasr.config.parsing import from_mapping, to_mapping, to_plain
from emgasr.config.renamed import renamed_keys
from emgasr.config.typed_data import Config, Kinds, checked, kind_in
from emgasr.errors import ConfigError
from emgasr.files.plain_data import read_yaml, yaml_of

GIVEN = "given_to_configuration"  # of the parsed options: the words that were given, by dotted names
_METAVARS: dict[Any, str] = {int: "N", float: "X", bool: "true|false", str: "TEXT"}


class ConfigOptions(Generic[Config]):
    """The options of one configuration: `--config FILE`, any number of times, and dotted options that go over it.

    Args:
        config: the dataclass.
        kinds: the sections that come in several kinds, as `emgasr.config.typed_data` has them.
        apart: fields that the verb asks for in another way, as a positional.
    """

    def __init__(self, config: type[Config], kinds: Kinds, apart: Sequence[str] = ()) -> None:
        self.config, self.kinds = config, kinds
        self.sections = list(sections_of(config, kinds))
        self.apart = apart

    def add_to(self, parser: ArgumentParser) -> None:
        """Add the options to a parser, in groups, and the old spellings that the configuration states."""
        names = _old_names(self.config)
        parser.renamed += tuple(Renamed(parser.verb, _option(old), _option(new)) for old, new in names.items())
        group = parser.add_argument_group("configuration", "YAML files, and single options over them")
        group.add_argument(
            "--config",
            action="append",
            default=[],
            metavar="FILE",
            help="YAML file of the options below; of several files the later goes over the earlier",
        )
        group.add_argument("--print-config", action="store_true", help="print the whole configuration as YAML and end")
        parser.set_defaults(**{GIVEN: {}})
        shared = self._of_several_kinds()
        for section in self.sections:
            options = [option for option in section.options if option.name not in (*self.apart, *shared)]
            # What several kinds have stands once, in the section of them all.
            several = [shared[name] for name in shared if name.partition(".")[0] == section.name]
            if not options and not several:
                continue
            group = parser.add_argument_group(section.name or "general options", section.text or None)
            for option in options:
                _add(group, option, _described(option))
            for alike in several:
                _add(group, alike[0], _described_together(alike))

    def _of_several_kinds(self) -> dict[str, list[Option]]:
        found: dict[str, list[Option]] = {}
        for section in self.sections:
            for option in section.options:
                if option.kind:
                    found.setdefault(option.name, []).append(option)
        return {name: alike for name, alike in found.items() if len(alike) > 1}

    def read(
        self,
        options: argparse.Namespace,
        program: str,
        first: Sequence[str | Path] = (),
        beneath: Mapping[str, Any] | None = None,
        **values: Any,
    ) -> Config:
        """Return the configuration of the files `first`, of --config, of `values` by field, and of single options.

        What `beneath` holds, plain data by field, lies below them all.

        Another kind than an earlier file's drops that file's section: its options belong to the other kind. Raises a
        ConfigError that names the key for anything unknown, mistyped or missing. With --print-config it is printed
        instead, and SystemExit(0) raised.
        """
        paths = [*first, *options.config]
        merged: dict[str, Any] = {}
        self._merge(merged, beneath or {}, program)
        self._merge_files(merged, paths)
        of_files = _copied(merged)
        self._merge(merged, {**values, **self._single(options, program)}, program)
        if options.print_config:
            self._print(merged)
            raise SystemExit(0)
        try:
            return from_mapping(self.config, self.kinds, merged, program)
        except ConfigError as error:
            if paths and self._refused_alike(of_files, error):
                raise ConfigError(paths[-1], error.wrong, error.advice) from error
            raise

    def given(self, options: argparse.Namespace, program: str) -> dict[str, Any]:
        """Return what --config and single options say, as plain data by field, and nothing that they leave open."""
        merged: dict[str, Any] = {}
        self._merge_files(merged, options.config)
        self._merge(merged, self._single(options, program), program)
        return merged

    def _single(self, options: argparse.Namespace, program: str) -> dict[str, Any]:
        return _nested(self._values(getattr(options, GIVEN), program))

    def _merge_files(self, merged: dict[str, Any], paths: Sequence[str | Path]) -> None:
        for path in paths:
            content = read_yaml(path)
            if not isinstance(content, dict):
                raise ConfigError(path, "is not a mapping of options", "see the configs of the recipes")
            content = _without_marks(content, getattr(self.config, "OF_WEIGHTS", {}))
            self._merge(merged, renamed_keys(self.config, content, path), path)

    def _merge(self, merged: dict[str, Any], content: Mapping[str, Any], where: str | Path) -> None:
        """Check one file's or the options' content and put it over what came before."""
        for name in self.kinds:
            kind = kind_in(content.get(name), name, self.kinds, where)
            if kind is not None and merged.get(name, {}).get("kind", kind) != kind:
                del merged[name]
            kind = kind or merged.get(name, {}).get("kind")
            if kind is not None and name in content:
                content = {**content, name: {**content[name], "kind": kind}}
        _put_over(merged, checked(self.config, self.kinds, content, where))

    def _values(self, given: Mapping[str, str], program: str) -> dict[str, Any]:
        """What was given as words, as plain data of the options' types."""
        kinds = {name: given.get(f"{name}.kind") for name in self.kinds}
        known = {option.name: option for section in self.sections for option in section.options}
        known |= {
            option.name: option
            for section in self.sections
            for option in section.options
            if option.kind and option.kind == kinds.get(option.name.partition(".")[0])
        }
        return {name: _value(known[name], word, program) for name, word in given.items()}

    def _refused_alike(self, of_files: Mapping[str, Any], error: ConfigError) -> bool:
        """Whether the files alone, without the options, are refused for the same reason."""
        try:
            from_mapping(self.config, self.kinds, of_files, error.where)
        except ConfigError as alone:
            return str(alone) == str(error)
        return False

    def _print(self, merged: Mapping[str, Any]) -> None:
        import yaml

        filled = _filled(self.config, self.kinds, merged)
        sys.stdout.write(yaml.safe_dump(filled, sort_keys=False, allow_unicode=True))


def from_command_line(config: type[Config], kinds: Kinds, argv: Sequence[str], program: str) -> Config:
    """The `config` that words of a command line describe: `--config FILE` and dotted options over it."""
    parser = ArgumentParser(prog=program, description="Options of a configuration.")
    options = ConfigOptions(config, kinds)
    options.add_to(parser)
    return options.read(parser.parse_args(argv), program)


class _Give(argparse.Action):
    """Keep a word under the option's dotted name."""

    def __call__(
        self, parser: Any, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        setattr(namespace, GIVEN, {**getattr(namespace, GIVEN), self.dest: values})


def _add(group: argparse._ActionsContainer, option: Option, text: str) -> None:
    group.add_argument(
        _option(option.name),
        dest=option.name,
        action=_Give,
        default=argparse.SUPPRESS,
        metavar="{" + ",".join(option.choices) + "}" if option.choices else _metavar(option.hint),
        help=text.replace("%", "%%"),
    )


def _option(name: str) -> str:
    return "--" + name.replace("_", "-")


def _metavar(hint: Any) -> str:
    if hint in _METAVARS:
        return _METAVARS[hint]
    if typing.get_origin(hint) is tuple:
        return "LIST"
    known = [_metavar(_bare(one)) for one in typing.get_args(hint) if one is not type(None)]
    return known[0] if known else "YAML"


def _bare(hint: Any) -> Any:
    return typing.get_args(hint)[0] if typing.get_origin(hint) is typing.Annotated else hint


def _described(option: Option) -> str:
    bounds = option.bounds
    limits = [f"{bounds.low:.10g} to {bounds.high:.10g}"] if bounds else []
    limits += [] if option.default in (None, "", (), {}, MISSING) else [f"default {_shown(option.default)}"]
    return " ".join(filter(None, (option.text.rstrip("."), f"({'; '.join(limits)})" if limits else "")))


def _described_together(options: Sequence[Option]) -> str:
    """One text for an option of several kinds: said once where it is the same for all."""
    texts = {option.kind: _described(option) for option in options}
    if len(set(texts.values())) == 1:
        return f"{', '.join(texts)}: {next(iter(texts.values()))}"
    return "; ".join(f"{kind}: {text}" for kind, text in texts.items())


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(_shown, value)) + "]"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _value(option: Option, word: str, program: str) -> Any:
    """One word of the command line as plain data; lists may go without their brackets."""
    if takes_text(option.hint):
        return None if word == "null" and type(None) in typing.get_args(option.hint) else word
    hint = option.hint
    if typing.get_origin(hint) is tuple:
        listed = word if word.lstrip().startswith("[") else f"[{word}]"
        return yaml_of(listed, program, words_only=str in typing.get_args(hint))
    return yaml_of(word, program)


def _nested(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values by dotted names as mappings within mappings."""
    found: dict[str, Any] = {}
    for name, value in values.items():
        *sections, last = name.split(".")
        within = found
        for section in sections:
            within = within.setdefault(section, {})
        within[last] = value
    return found


def _put_over(into: dict[str, Any], content: Mapping[str, Any]) -> None:
    for key, value in content.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _put_over(into[key], value)
        else:
            into[key] = value


def _without_marks(content: dict[str, Any], marks: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """Return the content of a file, if one of `marks` stands in it, without that and the options listed for it."""
    found = _copied(content)
    for mark in (mark for mark in marks if mark in content):
        for name in (mark, *marks[mark]):
            section, _, option = name.rpartition(".")
            within = found.get(section) if section else found
            if isinstance(within, dict):
                within.pop(option, None)
    return found


def _copied(content: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, dict) else value for key, value in content.items()}


def _filled(config: type, kinds: Kinds, given: Mapping[str, Any]) -> dict[str, Any]:
    """All options of a configuration, those not given by their defaults; nothing is checked."""
    hints = typing.get_type_hints(config)
    found: dict[str, Any] = {}
    for field in fields(config):
        name, default = field.name, default_of(field)
        value = given.get(name)
        if name in kinds:
            kind = (value or {}).get("kind") or next(k for k, one in kinds[name].items() if type(default) is one)
            found[name] = _filled(kinds[name][kind], {}, value or {})
        elif is_dataclass(hints[name]):
            own = to_mapping(default)
            _put_over(own, value or {})
            found[name] = own
        elif name in given or default is not MISSING:
            found[name] = to_plain(value if name in given else default)
    return found


def _old_names(config: type) -> dict[str, str]:
    """Return the old names that a configuration and its sections state, old -> new, those within sections first."""
    own: Mapping[str, str] = getattr(config, "RENAMED", {})
    within: dict[str, str] = {}
    for section, hint in typing.get_type_hints(config).items():
        spellings = (section, *(old for old, new in own.items() if new == section))
        for old, new in getattr(hint, "RENAMED", {}).items():
            within |= {f"{spelled}.{old}": f"{section}.{new}" for spelled in spellings}
    return {**within, **own}
