"""Files of a language model, a lexicon and hotwords in; what a search knows of language, or a model folder, out."""

from __future__ import annotations

import gzip
import os
import shutil
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, write_yaml
from emgasr.decoding.hotwords import BOOST, Hotwords, read_hotwords
from emgasr.errors import ConfigError, LanguageModelError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.lm import NGramModel, read_model
from emgasr.lm.formats.compact import is_compact
from emgasr.lm.lexicon import Coverage, told_left, written_words
from emgasr.lm.single_words import read_as_single_words
from emgasr.lm.spelling import Spelling
from emgasr.lm.words import WordModel
from emgasr.models.folder import CHARACTER_LM_NAMES, HOTWORDS_NAME, LANGUAGE_NAME, LEXICON_NAME, LM_NAMES
from emgasr.tokens import Tokens

LARGEST = 1000.0  # nats of a boost or a penalty: as Hotwords and WordModel have it
# What each field needs beside it, in the order in which they are asked for.
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


@dataclass(frozen=True, kw_only=True)
class LanguageRules:
    """How files of language are read; None keeps the usual way.

    Args:
        single_words: the language model is of single words by their letters, read by emg2qwerty's published rule.
        unknown_penalty: nats taken off for each word that the lexicon lacks, -1000 to 1000 (usually 0).
        free_separators: a space or enter behind another costs nothing, instead of ending an empty word.
        boost: nats added for a hotword without its own, -1000 to 1000 (usually 5).
        hotword_parts: each word of a phrase has the phrase's boost by itself.
    """

    single_words: bool | None = None
    unknown_penalty: Annotated[float, Within(-LARGEST, LARGEST)] | None = None
    free_separators: bool | None = None
    boost: Annotated[float, Within(-LARGEST, LARGEST)] | None = None
    hotword_parts: bool | None = None

    def __post_init__(self) -> None:
        check_within(self)


@dataclass(frozen=True, kw_only=True)
class LanguageFiles(LanguageRules):
    """Where a search's knowledge of language comes from.

    Args:
        lm: n-gram model of the tokens, or with a lexicon of words: a file (ARPA or .lm) or a model.
        lexicon: a file of the words that `lm` is a model of, one a line.
        character_lm: with a lexicon, a model of words by their characters: a file or a model.
        hotwords: phrases to expect: a file of a phrase a line, phrases, or phrases with boosts in nats.
    """

    lm: str | Path | NGramModel | WordModel | None = None
    lexicon: str | Path | None = None
    character_lm: str | Path | NGramModel | None = None
    hotwords: str | Path | Iterable[str] | Mapping[str, float] | Hotwords | None = None

    def check(self) -> None:
        """Raise a ConfigError, named by the field, for a field that lacks another or excludes it."""
        for name, (needed, what) in NEEDS.items():
            if getattr(self, name) is not None and getattr(self, needed) is None:
                raise ConfigError(name, f"needs {what}", f"pass {needed}=FILE")
        if self.single_words and self.lexicon is not None:
            raise ConfigError("single_words", "does not go with a lexicon", "drop lexicon=FILE")
        if self.lexicon is not None and self.character_lm is None:
            wrong = "needs a model of characters, which spells the words that it lacks"
            advice = "pass character_lm=FILE (see `emgasr lm build --symbols characters`)"
            raise ConfigError("lexicon", wrong, advice)


@dataclass(frozen=True, eq=False)
class Language:
    """What a search knows of language.

    Args:
        settings: names it in results, by what each part is.
        notes: what was left out of its files, a line each.
        files: where it was read from.
    """

    lm: NGramModel | WordModel
    hotwords: Hotwords | None
    settings: Mapping[str, str]
    notes: tuple[str, ...]
    files: LanguageFiles

    @cached_property
    def checksum(self) -> str:
        """SHA-256 (hex) of all that the language model's scores come from."""
        return self.lm.checksum()

    def coverage(self, lines: Iterable[str]) -> Coverage | None:
        """Return what the lexicon holds of a text, None without one; a result of a lexicon is shown with it."""
        return self.lm.coverage(lines) if isinstance(self.lm, WordModel) else None


def read_language(files: LanguageFiles, tokens: Tokens) -> Language:
    """Read what `files` name, for the tokens of a model.

    Raises:
        ConfigError: A field lacks another, or is no file and no model.
        DataError, LanguageModelError: A file is bad; the line is named.
    """
    files.check()
    if files.lm is None:
        raise ConfigError("lm", "is missing", "pass lm=FILE")
    lm, notes = _model(files.lm, "lm"), []
    settings = {"language model": f"{_name(files.lm)} (order {lm.order})"} if isinstance(lm, NGramModel) else {}
    if isinstance(lm, WordModel):
        if files.lexicon is not None or files.single_words:
            raise ConfigError("lm", "is a model of words with a lexicon of its own", "drop lexicon=FILE")
        settings = {"language model": f"{_name(files.lm)} ({lm.coverage([])})"}
    elif files.single_words:
        lm = read_as_single_words(lm)
        settings["language model"] += ", single words"
    hotwords = None
    if files.hotwords is not None:
        hotwords, left = _hotwords(files, tokens)
        notes += [told_left(_name(files.hotwords), "phrases", len(hotwords.phrases), left)] if left else []
        low, high = min(hotwords.phrases.values()), max(hotwords.phrases.values())
        boosts = f"{low:g}" if low == high else f"{low:g} to {high:g}"
        boosts += " nats, words by themselves" if files.hotword_parts else " nats"
        settings["hotwords"] = f"{_name(files.hotwords)} ({len(hotwords.phrases):,}, boosts of {boosts})"
    if files.lexicon is None or isinstance(lm, WordModel):
        return Language(lm, hotwords, settings, tuple(notes), files)
    model, left = _word_model(files, lm, tokens)
    notes += [told_left(files.lexicon, "words", len(model.lexicon) + model.unmodeled, left)] if left else []
    settings["lexicon"] = f"{files.lexicon} ({model.coverage([])})"
    penalty = f"penalty {model.unknown_penalty:g} nats" + (", separators free" if model.free_separators else "")
    settings["other words"] = f"{_name(files.character_lm)} (order {model.characters.order}), {penalty}"
    return Language(model, hotwords, settings, tuple(notes), files)


def language_in(folder: str | Path) -> LanguageFiles | None:
    """Return the files of language that a model folder holds, None without a language model.

    Raises:
        ModelError: The folder holds two language models of one kind, or a lexicon or hotwords without one.
    """
    folder = Path(folder)
    lm = _only(folder, LM_NAMES)
    if lm is None:
        if lonely := _only(folder, (LEXICON_NAME,)) or _only(folder, (HOTWORDS_NAME,)):
            wrong = "belongs to a language model, which the folder lacks"
            raise ModelError(lonely, wrong, f"put {' or '.join(LM_NAMES)} beside it, or remove it")
        return None
    rules = LanguageRules()
    if os.path.lexists(folder / LANGUAGE_NAME):
        rules = from_mapping(LanguageRules, {}, read_yaml(folder / LANGUAGE_NAME), folder / LANGUAGE_NAME)
    return LanguageFiles(
        **asdict(rules),
        lm=lm,
        lexicon=_only(folder, (LEXICON_NAME,)),
        character_lm=_only(folder, CHARACTER_LM_NAMES),
        hotwords=_only(folder, (HOTWORDS_NAME,)),
    )


def keep_language(files: LanguageFiles, folder: str | Path) -> None:
    """Copy the files of a language into a model folder, where `language_in` finds them; older ones go.

    Everything is written aside first and takes its place at the end: if something fails, the folder is as it was.

    Raises:
        ConfigError: A field is a model or a list in memory, no file.
        OutputError: There is no room, or no permission.
    """
    folder = Path(folder)
    kept = {
        **{name: _file(files.lm, "lm") for name in _named_like(files.lm, LM_NAMES)},
        **{
            name: _file(files.character_lm, "character_lm")
            for name in _named_like(files.character_lm, CHARACTER_LM_NAMES)
        },
        **({LEXICON_NAME: _file(files.lexicon, "lexicon")} if files.lexicon is not None else {}),
        **({HOTWORDS_NAME: _file(files.hotwords, "hotwords")} if files.hotwords is not None else {}),
    }
    rules = {field.name: getattr(files, field.name) for field in fields(LanguageRules)}
    rules = {name: value for name, value in rules.items() if value is not None}
    with ExitStack() as written:
        for name, source in kept.items():
            _copy(source, written.enter_context(replacing(folder / name)))
    if rules:
        write_yaml(rules, folder / LANGUAGE_NAME)
    for name in {*LM_NAMES, *CHARACTER_LM_NAMES, LEXICON_NAME, HOTWORDS_NAME} - kept.keys():
        (folder / name).unlink(missing_ok=True)
    if not rules:
        (folder / LANGUAGE_NAME).unlink(missing_ok=True)


def _model(given: Any, field: str) -> Any:
    """A model as it is, or read from its file."""
    if isinstance(given, NGramModel | WordModel):
        return given
    return read_model(_file(given, field))


def _file(given: Any, field: str) -> Path:
    if not isinstance(given, str | Path):
        raise ConfigError(field, f"is of type {type(given).__name__}, no file", f"pass {field}=FILE")
    return Path(given)


def _name(given: Any) -> str:
    return str(given) if isinstance(given, str | Path) else "given in memory"


def _hotwords(files: LanguageFiles, tokens: Tokens) -> tuple[Hotwords, tuple[str, ...]]:
    boost, parts = BOOST if files.boost is None else files.boost, bool(files.hotword_parts)
    given = files.hotwords
    if isinstance(given, Hotwords):
        return given, ()
    if isinstance(given, str | Path):
        return read_hotwords(given, tokens, boost, parts)
    try:
        phrases = dict(given) if isinstance(given, Mapping) else dict.fromkeys(given or (), boost)
        if not all(isinstance(phrase, str) for phrase in phrases):
            raise TypeError
    except TypeError:
        raise ConfigError("hotwords", f"is {given!r}", "give a file, phrases, or phrases with boosts") from None
    if not phrases:
        raise ConfigError("hotwords", "hold no phrases", "give some, or None")
    return Hotwords(phrases, tokens, parts), ()


def _word_model(files: LanguageFiles, words: NGramModel, tokens: Tokens) -> tuple[WordModel, tuple[str, ...]]:
    spelling = Spelling.of(tokens)
    lexicon, left = written_words(_file(files.lexicon, "lexicon"), spelling)
    longest = max((len(word) for word in lexicon if word in words.symbols), default=0)
    # A model of characters knows the words that are one: "a" and "I".
    if longest < min(2, max(map(len, lexicon))):
        but = " but single letters" if longest else ""
        wrong = f"knows none of the {len(lexicon):,} words of {files.lexicon}{but}"
        advice = "use a model of words (see `emgasr lm build --symbols words`)"
        raise LanguageModelError(_name(files.lm), wrong, advice)
    characters = _model(files.character_lm, "character_lm")
    _check_characters(_name(files.character_lm), characters, spelling)
    penalty, free = files.unknown_penalty or 0.0, bool(files.free_separators)
    return WordModel(words, lexicon, characters, tokens, penalty, free), left


def _check_characters(name: str, characters: NGramModel, spelling: Spelling) -> None:
    advice = "use a model of these characters (see `emgasr lm build --symbols characters`)"
    if longer := min((symbol for symbol in characters.symbols if len(symbol) > 1), default=None):
        raise LanguageModelError(name, f"is no model of characters, as it holds {longer!r}", advice)
    if len(characters.unknown_symbols(spelling.letters)) == len(spelling.letters):
        wrong = f"knows none of the model's {len(spelling.letters)} letters ({spelling.letters[0]!r}, ...)"
        raise LanguageModelError(name, wrong, advice)


def _only(folder: Path, names: tuple[str, ...]) -> Path | None:
    """The file of one of these names, None if there is none."""
    found = [folder / name for name in names if os.path.lexists(folder / name)]  # a link to nothing is no silence
    if len(found) > 1:
        raise ModelError(folder, f"holds both {names[0]} and {names[1]}", "remove the one that is not meant")
    return found[0] if found else None


def _named_like(given: Any, names: tuple[str, ...]) -> list[str]:
    """The name, of these for a compact and an ARPA file, that a language model has in a folder; none of no model."""
    if given is None:
        return []
    return [names[0] if is_compact(_file(given, "lm")) else names[1]]


def _copy(source: Path, place: Path) -> None:
    """Copy a file; a plain one that is to be gzipped is."""
    with open(source, "rb") as content:
        plain = place.suffix == ".gz" and content.read(2) != b"\x1f\x8b"
        content.seek(0)
        if not plain:
            with open(place, "wb") as copied:
                shutil.copyfileobj(content, copied)
            return
        # No name and no time inside: the same model gives the same file.
        with open(place, "wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as packed:
            shutil.copyfileobj(content, packed)
