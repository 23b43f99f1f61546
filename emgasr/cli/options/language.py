"""The options of verbs that search, as far as language goes: a parser in; the files to read language from out."""

from __future__ import annotations

import argparse
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from emgasr.errors import ConfigError

if TYPE_CHECKING:
    from emgasr.language import LanguageFiles

# The options, by the names of the fields of LanguageFiles.
LANGUAGE = (
    "lm",
    "single_words",
    "lexicon",
    "character_lm",
    "unknown_penalty",
    "free_separators",
    "hotwords",
    "boost",
    "hotword_parts",
)
NO_LM = "none"  # what --lm says to read greedily, whatever the model folder holds


def add_language_options(parser: argparse.ArgumentParser) -> None:
    """Add --lm and what may go with it: a lexicon with its models, and hotwords."""
    group = parser.add_argument_group("language")
    group.add_argument(
        "--lm",
        metavar="FILE",
        help="n-gram language model, ARPA or .lm (see `emgasr lm build`): of the model's symbols, or with a lexicon "
        f"of words; {NO_LM}: read greedily (default: the model folder's own, if it has one)",
    )
    group.add_argument(
        "--single-words",
        action="store_true",
        default=None,
        help="--lm is of single words by their letters and read by emg2qwerty's published rule: any key that it does "
        "not know ends a word (weights for that: recipes/emg2qwerty/search_published.yaml)",
    )
    group.add_argument("--lexicon", metavar="FILE", help="words, one a line, that --lm is a model of (--symbols words)")
    group.add_argument(
        "--character-lm",
        metavar="FILE",
        help="with a lexicon: model of words by their characters, which spells those that the lexicon lacks",
    )
    group.add_argument(
        "--unknown-penalty",
        type=float,
        metavar="NATS",
        help="with a lexicon: taken off for each word that it lacks, -1000 to 1000 (default 0)",
    )
    group.add_argument(
        "--free-separators",
        action="store_true",
        default=None,
        help="with a lexicon: a space or enter behind another costs nothing, instead of ending an empty word",
    )
    group.add_argument(
        "--hotwords", metavar="FILE", help="phrases to expect, one a line; a tab and a boost of its own may follow one"
    )
    group.add_argument(
        "--boost", type=float, metavar="NATS", help="added for a hotword without its own, -1000 to 1000 (default 5)"
    )
    group.add_argument(
        "--hotword-parts",
        action="store_true",
        default=None,
        help="each word of a phrase has its boost by itself, as in pyctcdecode",
    )


def language_files(options: argparse.Namespace, held: LanguageFiles | None = None) -> LanguageFiles | None:
    """Return what the options ask for, over what a model folder holds; None: neither has a language model.

    Raises:
        ConfigError: An option lacks another.
    """
    from emgasr.language import LanguageFiles

    given = {name: value for name in LANGUAGE if (value := getattr(options, name, None)) is not None}
    if given.get("lm") == NO_LM:
        if others := [name for name in given if name != "lm"]:
            raise ConfigError(option(others[0]), "needs a language model", f"drop --lm {NO_LM}")
        return None
    try:
        files = replace(held, **given) if held is not None and "lm" not in given else LanguageFiles(**given)
        files.check()
    except ConfigError as error:
        raise as_option(error) from error
    return files if files.lm is not None else None


def option(name: str) -> str:
    """Return an option as it is written, given its name in Python."""
    return f"--{name.replace('_', '-')}"


def as_option(error: ConfigError) -> ConfigError:
    """Return an error that names arguments of Python as one that names options."""
    where = option(error.where) if error.where.isidentifier() else error.where
    advice = re.sub(r"\b([a-z_]+)=(?=[A-Z0-9])", lambda found: f"{option(found[1])} ", error.advice)
    return ConfigError(where, error.wrong, advice)
