"""Tokens with their times and confidences in; keys, words and a transcript out: what reading a recording gives."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from emgasr.tokens import ENTER, Tokens

_WORD_BEGIN = "▁"  # with which sentencepiece marks the first piece of a word


@dataclass(frozen=True)
class Key:
    """One token that was read: a key, a piece of a word, or a gesture.

    Args:
        symbol: as the model's tokens write it ("a", "⌫", "fist").
        time_s: seconds from the start of the recording or stream to the newest sample that the token was read from.
        confidence: 0 to 1, the highest probability that a frame gives to the token.
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
        confidence: that of its least sure key: a word is right only if each key is, and a long word is no less sure
            than its parts.
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
            "words": [
                {
                    "word": word.text,
                    "start_s": round(word.start_s, 3),
                    "end_s": round(word.end_s, 3),
                    "confidence": round(word.confidence, 4),
                }
                for word in self.words
            ],
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


def words_of(keys: Sequence[Key], tokens: Tokens) -> tuple[Word, ...]:
    """Return the words that keys leave on the page, backspaces applied; of tokens of kind "words" each is one.

    The words' texts, with a space between, are the rendered text with its white space made single.
    """
    ids = tokens.ids(key.symbol for key in keys)
    words = []
    for places in _grouped(tokens.left_on_page(ids), ids, tokens):
        written = [keys[place] for place in places]
        text = tokens.render(ids[place] for place in places)
        for part in [text] if tokens.kind == "words" else text.split():
            confidence = min(key.confidence for key in written)
            words.append(Word(part, written[0].time_s, written[-1].time_s, confidence))
    return tuple(words)


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
