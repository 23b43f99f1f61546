"""A model and sentences in, perplexity and the symbols that the model does not know out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.lm.ngram import END_ID, UNKNOWN_ID, NGramModel, exp

_BLOCK = 1 << 20  # ids scored at a time


@dataclass(frozen=True)
class TextScore:
    """What a model says of a text: natural logs, the end of each sentence counted as a symbol in the perplexities."""

    sentences: int
    symbols: int  # without the ends
    ln_p: float
    ln_p_unknown: float  # the part of ln_p that unknown symbols have
    unknown: Counter[str]  # symbols that the model does not know, and how often each comes
    characters: int  # of the text that the symbols write, the end of each sentence counted as one

    @property
    def unknown_rate(self) -> float:
        """The share of the symbols that the model does not know (the OOV rate)."""
        return self.unknown.total() / self.symbols if self.symbols else 0.0

    @property
    def perplexity(self) -> float:
        """Perplexity a symbol, unknown ones at the price of <unk>."""
        return exp(-self.ln_p / (self.symbols + self.sentences))

    @property
    def perplexity_per_character(self) -> float:
        """Perplexity a character, by which models of different symbols compare."""
        return exp(-self.ln_p / self.characters)

    @property
    def perplexity_known(self) -> float:
        """Perplexity a symbol over those that the model knows, as SRILM counts; contexts hold the unknown ones too."""
        known = self.symbols + self.sentences - self.unknown.total()
        return exp(-(self.ln_p - self.ln_p_unknown) / known)


def characters_of(sentence: Sequence[str]) -> int:
    """Return how many characters a sentence has as text, its end counted as one; longer symbols are words.

    A word has a space behind it; that of the last word is the end.
    """
    return len(sentence) + 1 if isinstance(sentence, str) else sum(len(word) + 1 for word in sentence)


def score_text(model: NGramModel, sentences: Iterable[Sequence[str]]) -> TextScore:
    """Score sentences, each from <s> to </s>, however many; strings are characters, sequences words."""
    count, symbols, characters, ln_p, ln_p_unknown = 0, 0, 0, 0.0, 0.0
    unknown: Counter[str] = Counter()
    for block in blocks(sentences):
        ids = encoded(model, block)
        scores = model.score_ids(ids)
        ln_p += float(scores.sum())
        ln_p_unknown += float(scores[ids == UNKNOWN_ID].sum())
        count += len(block)
        characters += sum(map(characters_of, block))
        symbols += len(ids) - len(block)
        if (ids == UNKNOWN_ID).any():
            unknown.update(symbol for sentence in block for symbol in model.unknown_symbols(sentence))
    return TextScore(count, symbols, ln_p, ln_p_unknown, unknown, characters)


def encoded(model: NGramModel, sentences: Sequence[Sequence[str]]) -> np.ndarray:
    """Return the ids of sentences one after another, </s> after each, as `NGramModel.score_ids` takes them."""
    end = np.array([END_ID], np.int32)
    return np.concatenate([part for sentence in sentences for part in (model.ids(sentence), end)])


def blocks(sentences: Iterable[Sequence[str]], most: int = _BLOCK) -> Iterable[list[Sequence[str]]]:
    """Yield sentences in lists of about `most` symbols."""
    block: list[Sequence[str]] = []
    size = 0
    for sentence in sentences:
        block.append(sentence)
        size += len(sentence) + 1
        if size >= most:
            yield block
            block, size = [], 0
    if block:
        yield block
