"""A model of single words by their letters in; one that reads whole texts by emg2qwerty's published rule out.

The published decoder (arXiv 2410.20081) knows letters within one word only. Every other key, shift among them, ends the
word with p(</s>) and begins a new one at <s>; where no word was begun it scores p(<unk>) instead. The end of the
utterance is never scored. Its other ways are in `recipes/emg2qwerty/search_published.yaml`.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np

from emgasr.errors import LanguageModelError
from emgasr.lm.ngram import BEGIN_ID, END_ID, MISSING_UNKNOWN_LOG10, SPECIALS, UNKNOWN_ID, NGramModel
from emgasr.tokens import BACKSPACE, ENTER, SHIFT


class SingleWords(NGramModel):
    """An n-gram model whose </s> stands for every key that is no letter of its own, shift included."""


def read_as_single_words(model: NGramModel) -> SingleWords:
    """The model under the published rule; a LanguageModelError if it is none of letters, or knows no ends of words."""
    letters = model.vocabulary[len(SPECIALS) :]
    if other := [s for s in letters if len(s) != 1 or s.isspace() or s in (BACKSPACE, ENTER, SHIFT)]:
        wrong = f"knows {other[0]!r}, and the published rule is for models of the letters of single words"
        raise LanguageModelError("language model", wrong, "estimate one from words, one a line, by their characters")
    ends, begin = model.symbol == END_ID, model.start()
    if not ends.any() or BEGIN_ID not in model.symbol:
        raise LanguageModelError("language model", "has no ends of words", "estimate it from words, one a line")
    if begin == 0:
        raise LanguageModelError("language model", "has no beginnings of words", "estimate it with an order above 1")
    unknown = np.flatnonzero(model.symbol[: model.first[1]] == UNKNOWN_ID)
    log10_unknown = model.log10_p[unknown[0]] if len(unknown) else MISSING_UNKNOWN_LOG10
    arrays = {field.name: getattr(model, field.name) for field in fields(model)}
    arrays |= _with_end_behind_begin(model, begin, log10_unknown)
    arrays["next"] = np.where(arrays["symbol"] == END_ID, np.int32(begin), arrays["next"])
    for name in ("first", "symbol", "log10_p", "next"):
        arrays[name].flags.writeable = False
    return SingleWords(**{**arrays, "others": END_ID})


def _with_end_behind_begin(model: NGramModel, begin: int, log10_p: np.float32) -> dict[str, object]:
    """The arrays that change where `log10_p` is what </s> has directly behind <s>."""
    first, symbol, scores = np.array(model.first), np.array(model.symbol), np.array(model.log10_p)
    at = first[begin] + int(np.searchsorted(symbol[first[begin] : first[begin + 1]], END_ID))
    if at < first[begin + 1] and symbol[at] == END_ID:
        scores[at] = log10_p
        return {"first": first, "symbol": symbol, "log10_p": scores, "next": np.array(model.next)}
    first[begin + 1 :] += 1
    counts = list(model.counts)
    counts[1] += 1
    return {
        "counts": counts,
        "first": first,
        "symbol": np.insert(symbol, at, END_ID),
        "log10_p": np.insert(scores, at, log10_p),
        "next": np.insert(np.array(model.next), at, begin),
    }
