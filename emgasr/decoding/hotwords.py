"""Phrases with boosts in, an automaton over a symbol set's tokens out: what each token adds to a text's boosts.

A phrase counts from the beginning of a word to the end of one, wherever it comes in the text. While it is being
written it earns its boost in equal parts, letter by letter, which are taken back when the text turns out otherwise: a
token's gain is the change of a potential, so that gains add up to the boosts of the phrases that a text holds.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping, Sequence
from numbers import Real
from pathlib import Path

import numpy as np

from emgasr.errors import ConfigError, DataError
from emgasr.lm.spelling import SEPARATOR, WORD_BEGIN, Spelling, separates
from emgasr.lm.texts import read_listed
from emgasr.tokens import Tokens

MIDST, BEGINNING = 0, 1  # states: in a word with which no phrase goes on, and where a word may begin
BOOST = 5.0  # nats of a phrase that is given none: what an unsure letter or two can cost a word
LARGEST_BOOST = 1000.0  # nats


class Hotwords:
    """Boosts of phrases as an automaton (Aho & Corasick 1975) of S states over the V tokens; arrays are read-only.

    A state is the longest end of the text that begins a phrase, the separator before it included; a text begins as
    behind a separator. Every end of the text that begins phrases is worth boost · (letters typed) / (letters) of the
    best of these, separators within a phrase counted as letters. Ended words keep the boosts of the phrases that they
    complete. A negative boost holds a phrase back in the same way.
    """

    start: int = BEGINNING
    tokens: Tokens
    phrases: Mapping[str, float]  # each with single spaces, and its boost
    goto: np.ndarray  # int32 (S, V): the state behind a token, for one that does not print the same; see below
    gain: np.ndarray  # float64 (S, V): the change of the text's boosts, in nats
    ending: np.ndarray  # float64 (S,): their change if the text ends: complete phrases stay, begun ones are taken back

    def __init__(self, phrases: Mapping[str, float], tokens: Tokens, parts: bool = False) -> None:
        """Take the boost of each phrase in nats, -1000 to 1000; runs of white space in a phrase are one separator.

        With `parts` each word of a phrase has the phrase's boost by itself, as in pyctcdecode: the largest that it is
        given. A backspace is no token of the automaton: it returns to the state and the boosts before what it deletes.
        ConfigError for a repeated phrase or a boost outside its bounds, DataError for an empty phrase or one that
        the tokens cannot write.
        """
        spelling = Spelling.of(tokens)
        trie = _Trie()
        spelled: dict[str, float] = {}
        counted: dict[str, float] = {}
        for given, boost in phrases.items():
            phrase, _ = _spelled(given, boost, spelling)
            if phrase in spelled:
                raise ConfigError("hotwords", f"{phrase!r} is given twice", "give each phrase once")
            spelled[phrase] = float(boost)
            for part in phrase.split() if parts else [phrase]:
                counted[part] = max(float(boost), counted.get(part, -math.inf))
        for phrase, boost in counted.items():
            trie.add(_spelled(phrase, boost, spelling)[1], boost)
        goto, complete, begun = trie.compiled(len(spelling.letters))
        gain = begun[goto] - begun[:, None]
        gain[:, [SEPARATOR, WORD_BEGIN]] += complete[:, None]
        self.tokens = tokens
        self.phrases = spelled
        self.goto = np.tile(np.arange(len(goto), dtype=np.int32)[:, None], len(tokens))
        self.gain = np.zeros(self.goto.shape)
        for token, codes_of_token in enumerate(spelling.codes):
            for code in codes_of_token:
                self.gain[:, token] += gain[self.goto[:, token], code]
                self.goto[:, token] = goto[self.goto[:, token], code]
        self.ending = complete - begun
        for array in (self.goto, self.gain, self.ending):
            array.flags.writeable = False


def read_hotwords(
    path: str | Path, tokens: Tokens, boost: float = BOOST, parts: bool = False
) -> tuple[Hotwords, tuple[str, ...]]:
    """Read a UTF-8 file with a phrase a line, which a tab and a boost in nats of its own may follow.

    Return the hotwords, and what is left of the lines, and why: phrases that the tokens cannot write or that hold no
    letter, and phrases given again. ConfigError or DataError, with the line's number, for a boost that is no finite
    number, or another boost for the same phrase; DataError for a file without phrases that count.
    """
    spelling = Spelling.of(tokens)
    phrases: dict[str, float] = {}
    lines: dict[str, int] = {}
    left: list[str] = []
    for number, line in read_listed(path, "phrases"):
        given, tab, own = line.partition("\t")
        try:
            each = float(own) if tab else boost
            phrase, _ = _spelled(given, each, spelling)
        except ValueError:
            wrong = f"line {number}: {own!r} is no boost"
            raise ConfigError(path, wrong, "write a number of nats behind the tab, or no tab") from None
        except DataError as error:
            left.append(f"line {number}: {error.wrong}")
            continue
        except ConfigError as error:
            raise ConfigError(path, f"line {number}: {error.wrong}", error.advice) from None
        if phrases.get(phrase, each) != each:
            wrong = f"line {number}: {phrase!r} is in line {lines[phrase]} already, with another boost"
            raise ConfigError(path, wrong, "give each phrase once")
        if phrase in phrases:
            left.append(f"line {number}: {phrase!r} is in line {lines[phrase]} already")
            continue
        phrases[phrase], lines[phrase] = each, number
    if not phrases:
        raise DataError(
            path, f"holds no phrase that can be written ({left[0]})", "write phrases of the tokens' letters"
        )
    return Hotwords(phrases, tokens, parts), tuple(left)


def _spelled(given: str, boost: float, spelling: Spelling) -> tuple[str, list[int]]:
    """Return a phrase with single spaces and its codes, or raise what is wrong with it."""
    phrase = " ".join("".join(" " if separates(c) else c for c in given).split())
    if not phrase:
        raise DataError("hotwords", f"{given!r} holds no letter", "give words")
    if not isinstance(boost, Real) or not abs(boost) <= LARGEST_BOOST:
        advice = f"use -{LARGEST_BOOST:g} to {LARGEST_BOOST:g} nats"
        raise ConfigError("hotwords", f"the boost of {phrase!r} is {boost!r}", advice)
    code = spelling.code_of | ({" ": SEPARATOR} if spelling.separates_words else {})
    if not code.keys() >= set(phrase):
        phrase = unicodedata.normalize("NFC", phrase)
    if lacking := [c for c in phrase if c not in code]:
        wrong = f"the tokens cannot write {phrase!r}, as none has {lacking[0]!r}"
        raise DataError("hotwords", wrong, "leave it out or spell it otherwise")
    return phrase, [code[c] for c in phrase]


class _Trie:
    """Phrases by their codes, each behind a separator."""

    def __init__(self) -> None:
        self.children: list[dict[int, int]] = [{SEPARATOR: BEGINNING}, {}]
        self.complete = [0.0, 0.0]  # the boost of the phrase that ends at a node
        self.begun = [0.0, 0.0]  # what the best phrase that passes a node or ends there has earned by then

    def add(self, codes: Sequence[int], boost: float) -> None:
        """Enter a phrase."""
        node = BEGINNING
        for typed, code in enumerate(codes, 1):
            earned = boost * typed / len(codes)
            if code not in self.children[node]:
                self.children[node][code] = len(self.children)
                self.children.append({})
                self.complete.append(0.0)
                self.begun.append(earned)
            node = self.children[node][code]
            self.begun[node] = max(self.begun[node], earned)
        self.complete[node] = boost

    def compiled(self, letters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return the automaton over codes, goto (S, letters + 2), and what ends of the text complete and have begun.

        SEPARATOR and WORD_BEGIN are columns from the end of goto.
        """
        goto = np.full((len(self.children), letters + 2), MIDST, dtype=np.int32)
        complete, begun = np.array(self.complete), np.array(self.begun)
        goto[MIDST, SEPARATOR] = BEGINNING
        # Level by level: a node, the longest shorter end of the text that is one, whether both end in a separator.
        queue = [(BEGINNING, MIDST, True)]
        for node, shorter, separated in queue:
            complete[node] += complete[shorter]
            begun[node] += begun[shorter]
            goto[node] = goto[shorter]
            for code, child in self.children[node].items():
                queue.append((child, int(goto[shorter, code]), code == SEPARATOR))
                goto[node, code] = child
            goto[node, WORD_BEGIN] = node if separated else goto[node, SEPARATOR]
        goto[MIDST, WORD_BEGIN] = BEGINNING
        return goto, complete, begun
