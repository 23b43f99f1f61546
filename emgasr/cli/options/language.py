"""The options of verbs that search, as far as language goes: a parser in; a language model and hotwords out."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from emgasr.errors import ConfigError, LanguageModelError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from emgasr.decoding.hotwords import Hotwords
    from emgasr.lm import NGramModel
    from emgasr.lm.lexicon import Coverage
    from emgasr.lm.spelling import Spelling
    from emgasr.lm.words import WordModel
    from emgasr.tokens import Tokens

# What each option needs beside it, in the order in which they are asked for.
NEEDS = {
    "single_words": ("lm", "a language model"),
    "lexicon": ("lm", "a language model of words"),
    "character_lm": ("lexicon", "a lexicon"),
    "unknown_penalty": ("lexicon", "a lexicon"),
    "free_separators": ("lexicon", "a lexicon"),
    "hotwords": ("lm", "a language model"),
    "boost": ("hotwords", "a file of hotwords"),
    "hotword_parts": ("hotwords", "a file of hotwords"),
}
LARGEST = 1000.0  # nats of a boost or a penalty: as Hotwords and WordModel have it


@dataclass(frozen=True)
class Language:
    """What a search knows of language; `settings` names it in results, by what each part is."""

    lm: NGramModel | WordModel
    hotwords: Hotwords | None
    settings: Mapping[str, str]

    def coverage(self, lines: Iterable[str]) -> Coverage | None:
        """What the lexicon holds of a text, None where there is none: no result of a lexicon is told without it."""
        from emgasr.lm.words import WordModel

        return self.lm.coverage(lines) if isinstance(self.lm, WordModel) else None


def add_language_options(parser: argparse.ArgumentParser, required: bool = False) -> None:
    """Add --lm and what may go with it: a lexicon with its models, and hotwords."""
    group = parser.add_argument_group("language")
    group.add_argument(
        "--lm",
        metavar="FILE",
        required=required,
        help="n-gram language model, ARPA or .lm (see `emgasr lm build`): of the model's symbols, or with a lexicon "
        "of words",
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


def read_language(options: argparse.Namespace, tokens: Tokens) -> Language | None:
    """Return what the options ask for in the symbol set of a model, None without --lm.

    ConfigError for an option that lacks another, DataError or LanguageModelError, with the line, for a bad file.
    """
    for name, (needed, what) in NEEDS.items():
        if getattr(options, name) is not None and getattr(options, needed) is None:
            raise ConfigError(_option(name), f"needs {what}", f"pass {_option(needed)} FILE")
    if options.single_words and options.lexicon is not None:
        raise ConfigError("--single-words", "does not go with a lexicon", "drop --lexicon")
    if options.lexicon is not None and options.character_lm is None:
        wrong = "needs a model of characters, which spells the words that it lacks"
        raise ConfigError("--lexicon", wrong, "pass --character-lm FILE (see `emgasr lm build --symbols characters`)")
    for name in ("unknown_penalty", "boost"):
        if (value := getattr(options, name)) is not None and not abs(value) <= LARGEST:
            raise ConfigError(_option(name), f"is {value}", f"use -{LARGEST:g} to {LARGEST:g} nats")
    if options.lm is None:
        return None
    from emgasr.lm import read_model

    lm = read_model(options.lm)
    settings = {"language model": f"{options.lm} (order {lm.order})"}
    if options.single_words:
        from emgasr.lm.single_words import read_as_single_words

        lm = read_as_single_words(lm)
        settings["language model"] += ", single words"
    hotwords = None
    if options.hotwords is not None:
        from emgasr.decoding.hotwords import BOOST, read_hotwords

        boost, parts = BOOST if options.boost is None else options.boost, bool(options.hotword_parts)
        hotwords, left = read_hotwords(options.hotwords, tokens, boost, parts)
        _tell_left(options.hotwords, "phrases", len(hotwords.phrases), left)
        low, high = min(hotwords.phrases.values()), max(hotwords.phrases.values())
        boosts = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        boosts += " nats, words by themselves" if parts else " nats"
        settings["hotwords"] = f"{options.hotwords} ({len(hotwords.phrases):,}, boosts of {boosts})"
    if options.lexicon is None:
        return Language(lm, hotwords, settings)
    model = _word_model(options, lm, tokens)
    settings["lexicon"] = f"{options.lexicon} ({model.coverage([])})"
    penalty = f"penalty {model.unknown_penalty:g} nats" + (", separators free" if model.free_separators else "")
    settings["other words"] = f"{options.character_lm} (order {model.characters.order}), {penalty}"
    return Language(model, hotwords, settings)


def _word_model(options: argparse.Namespace, words: NGramModel, tokens: Tokens) -> WordModel:
    from emgasr.lm import read_model
    from emgasr.lm.lexicon import written_words
    from emgasr.lm.spelling import Spelling
    from emgasr.lm.words import WordModel

    spelling = Spelling.of(tokens)
    lexicon, left = written_words(options.lexicon, spelling)
    _tell_left(options.lexicon, "words", len(lexicon), left)
    longest = max((len(word) for word in lexicon if word in words.symbols), default=0)
    # A model of characters knows the words that are one: "a" and "I".
    if longest < min(2, max(map(len, lexicon))):
        but = " but single letters" if longest else ""
        wrong = f"knows none of the {len(lexicon):,} words of {options.lexicon}{but}"
        raise LanguageModelError(options.lm, wrong, "use a model of words (see `emgasr lm build --symbols words`)")
    characters = read_model(options.character_lm)
    _check_characters(options.character_lm, characters, spelling)
    penalty, free = options.unknown_penalty or 0.0, bool(options.free_separators)
    return WordModel(words, lexicon, characters, tokens, penalty, free)


def _tell_left(path: str, what: str, used: int, left: tuple[str, ...]) -> None:
    if left:
        from emgasr.lm.lexicon import told_left

        print(f"emgasr: {told_left(path, what, used, left)}", file=sys.stderr)


def _check_characters(path: str, characters: NGramModel, spelling: Spelling) -> None:
    advice = "use a model of these characters (see `emgasr lm build --symbols characters`)"
    if longer := min((symbol for symbol in characters.symbols if len(symbol) > 1), default=None):
        raise LanguageModelError(path, f"is no model of characters, as it holds {longer!r}", advice)
    if len(characters.unknown_symbols(spelling.letters)) == len(spelling.letters):
        wrong = f"knows none of the model's {len(spelling.letters)} letters ({spelling.letters[0]!r}, ...)"
        raise LanguageModelError(path, wrong, advice)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
