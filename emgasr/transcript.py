"""Tokens with their times and confidences in; keys, words and a transcript out: what reading a recording gives."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from emgasr.tokens import ENTER, Tokens

PAUSE_S = 2.0  # without a token: what follows is another segment
_WORD_BEGIN = "▁"  # with which sentencepiece marks the first piece of a word


@dataclass(frozen=True)
class Key:
    """One token that was read: a key, a piece of a word, or a gesture.

    Args:
        symbol: as the model's tokens write it ("a", "⌫", "fist").
        time_s: seconds from the start of the recording or stream to the newest sample that the token was read from.
        confidence: 0 to 1: the probability that it is right where the model has a calibrated confidence
            (`emgasr.confidence`), else the highest probability that a frame gives to the token.
    """

    symbol: str
    time_s: float
    confidence: float


@dataclass(frozen=True)
class Word:
    """One word of the text, with the times of its first and its last key; one of a single key has both alike.

    Args:
        text: without white space.
        start_s, end_s: times of the first and the last of its keys that stand on the page, as `Key.time_s`.
        confidence: the probability that it is right where the model has a calibrated confidence, else that of its
            least sure key.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Segment:
    """What was written between two pauses or line breaks.

    Args:
        text: of the segment.
        start_s, end_s: times of the first and the last of its keys that stand on the page.
        confidence: the probability that all of it is right.
    """

    text: str
    start_s: float
    end_s: float
    confidence: float


@dataclass(frozen=True)
class Transcript:
    """What was read of a recording: the text, the keys that wrote it (backspaces included), and its words.

    Args:
        nbest: the hypotheses of the search, best first, this one among them; empty unless several were asked for.
        notes: what was passed over or filled in, from the file to the text.
        unlabelled_s: seconds of the person's signal that had entered the statistics of level and spread before.
        segments: with their confidence, where the model has a calibrated one of segments.
        score: natural log; hypotheses are ranked by it. `acoustic` is its part of the emissions, `lm` is ln p of the
            language model before its weight.
    """

    text: str
    keys: tuple[Key, ...]
    words: tuple[Word, ...]
    duration_s: float
    notes: tuple[str, ...] = ()
    score: float = 0.0
    acoustic: float = 0.0
    lm: float = 0.0
    nbest: tuple[Transcript, ...] = field(default=(), repr=False)
    unlabelled_s: float = 0.0
    segments: tuple[Segment, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Return plain numbers and strings, for JSON."""
        alternatives = [
            {**each.as_dict(), "score": round(each.score, 6), "acoustic": round(each.acoustic, 6)}
            | {"lm": round(each.lm, 6)}
            for each in self.nbest
        ]
        return {
            "text": self.text,
            "duration_s": round(self.duration_s, 3),
            "unlabelled_seconds": round(self.unlabelled_s, 3),
            "keys": [as_key(key) for key in self.keys],
            "words": [{"word": word.text} | _span(word) for word in self.words],
            **({"segments": [{"text": each.text} | _span(each) for each in self.segments]} if self.segments else {}),
            **({"notes": list(self.notes)} if self.notes else {}),
            **({"nbest": alternatives} if alternatives else {}),
        }


def as_key(key: Key) -> dict[str, Any]:
    """Return a key as JSON has it."""
    return {"key": key.symbol, "time_s": round(key.time_s, 3), "confidence": round(key.confidence, 4)}


def keys_of(
    ids: Sequence[int], times_s: Sequence[float], confidences: Sequence[float], tokens: Tokens
) -> tuple[Key, ...]:
    """Return the keys of token ids with their times and confidences."""
    return tuple(map(Key, tokens.symbols_of(ids), map(float, times_s), map(float, confidences)))


def words_of(
    keys: Sequence[Key], tokens: Tokens, confidence: Callable[[Sequence[float]], float] = min
) -> tuple[Word, ...]:
    """Return the words that keys leave on the page, backspaces applied; of tokens of kind "words" each is one.

    The words' texts, with a space between, are the rendered text with its white space made single.

    Args:
        keys: of the reading.
        tokens: the model's.
        confidence: of a word, given those of its keys.
    """
    words = []
    for text, places in word_places(tokens.ids(key.symbol for key in keys), tokens):
        sure = [keys[place].confidence for place in places]
        chosen = sure[0] if tokens.kind == "words" else confidence(sure)
        words.append(Word(text, keys[places[0]].time_s, keys[places[-1]].time_s, chosen))
    return tuple(words)


def segments_of(
    keys: Sequence[Key], tokens: Tokens, confidence: Callable[[Sequence[float]], float | None]
) -> tuple[Segment, ...]:
    """Return the segments that keys leave on the page, where `confidence` gives one, given those of their keys."""
    ids = tokens.ids(key.symbol for key in keys)
    found = []
    for places in segment_places(ids, np.array([key.time_s for key in keys]), tokens):
        sure = confidence([keys[place].confidence for place in places])
        text = tokens.render(ids[place] for place in places).strip()
        if sure is not None and text:
            found.append(Segment(text, keys[places[0]].time_s, keys[places[-1]].time_s, sure))
    return tuple(found)


def word_places(ids: Sequence[int], tokens: Tokens) -> list[tuple[str, list[int]]]:
    """Return the words that token ids leave on the page, each with the places of its tokens."""
    found = []
    for places in _grouped(tokens.left_on_page(ids), ids, tokens):
        text = tokens.render(ids[place] for place in places)
        found += [(part, places) for part in ([text] if tokens.kind == "words" else text.split())]
    return found


def segment_places(ids: Sequence[int], times_s: np.ndarray | None, tokens: Tokens) -> list[list[int]]:
    """Return the places of the tokens on the page of each segment: enter ends one, and PAUSE_S without a token."""
    groups: list[list[int]] = [[]]
    for place in tokens.left_on_page(ids):
        latest = groups[-1][-1] if groups[-1] else None
        if latest is not None and times_s is not None and times_s[place] - times_s[latest] > PAUSE_S:
            groups.append([])
        if tokens.symbols[ids[place]] == ENTER:
            groups.append([])
        else:
            groups[-1].append(place)
    return [group for group in groups if group]


def _span(part: Word | Segment) -> dict[str, float]:
    return {
        "start_s": round(part.start_s, 3),
        "end_s": round(part.end_s, 3),
        "confidence": round(part.confidence, 4),
    }


def _grouped(page: Sequence[int], ids: Sequence[int], tokens: Tokens) -> Iterator[list[int]]:
    """Yield the places of the keys of each word."""
    group: list[int] = []
    for place in page:
        symbol = tokens.symbols[ids[place]]
        separates = symbol == ENTER or symbol.isspace()
        if group and (separates or tokens.kind == "words" or _begins_word(symbol, tokens)):
            yield group
            group = []
        if not separates or tokens.kind == "words":
            group.append(place)
    if group:
        yield group


def _begins_word(symbol: str, tokens: Tokens) -> bool:
    return tokens.kind == "sentencepiece" and symbol.startswith(_WORD_BEGIN)
