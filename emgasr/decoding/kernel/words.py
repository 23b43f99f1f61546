"""A word model with its lexicon, and hotwords, in; their arrays, and what a token changes, out.

`emgasr.lm.words.WordModel` and `emgasr.decoding.hotwords.Hotwords` say what is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast

import numpy as np

from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.kernel.compiling import fixed, inner
from emgasr.lm.lexicon import NO_WORD, OUTSIDE, ROOT
from emgasr.lm.ngram import END_ID, UNKNOWN_ID
from emgasr.lm.ngram import step as ngram_step
from emgasr.lm.spelling import SEPARATOR, WORD_BEGIN
from emgasr.lm.trie import Arrays, find
from emgasr.lm.words import WordModel
from emgasr.runtime.compiled import compiled


class WordTables(NamedTuple):
    """The arrays of a WordModel; see there, and NGramModel for those of the two n-gram models."""

    code_first: np.ndarray  # (V + 1,) int32: the codes of token t are codes[code_first[t] : code_first[t + 1]]
    codes: np.ndarray
    character_ids: np.ndarray
    tree_first: np.ndarray
    tree_letter: np.ndarray
    tree_word: np.ndarray
    tree_ahead: np.ndarray
    words: Arrays
    characters: Arrays
    characters_start: int
    penalty: float
    free_separators: bool
    most_begun: int  # words that a token can begin, and end
    most_ended: int


class BoostTables(NamedTuple):
    """The arrays of Hotwords, and the most that any token can gain in a state."""

    goto: np.ndarray
    gain: np.ndarray
    most: np.ndarray  # (S,) float64


def word_tables(model: WordModel) -> WordTables:
    """Return the arrays of a word model."""
    tree, lengths = model.tree, [len(codes) for codes in model.spelling.codes]
    flat = [code for codes in model.spelling.codes for code in codes]
    return WordTables(
        code_first=fixed(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)),
        codes=fixed(np.array(flat, dtype=np.int32)),
        character_ids=fixed(model.character_ids),
        tree_first=fixed(tree.first),
        tree_letter=fixed(tree.letter),
        tree_word=fixed(tree.word),
        tree_ahead=fixed(tree.ahead),
        words=cast(Arrays, tuple(map(fixed, model.words.arrays))),
        characters=cast(Arrays, tuple(map(fixed, model.characters.arrays))),
        characters_start=model.characters.start(),
        penalty=model.unknown_penalty,
        free_separators=model.free_separators,
        most_begun=max(_begun(codes) for codes in model.spelling.codes),
        most_ended=max(sum(code < 0 for code in codes) for codes in model.spelling.codes),
    )


def _begun(codes: Sequence[int]) -> int:
    return sum(code >= 0 and (place == 0 or codes[place - 1] < 0) for place, code in enumerate(codes))


def boost_tables(hotwords: Hotwords) -> BoostTables:
    """Return the arrays of hotwords."""
    return BoostTables(fixed(hotwords.goto), fixed(hotwords.gain), fixed(hotwords.gain.max(axis=1)))


@inner
def word_step(
    model: WordTables, token: int, context: int, node: int, spelled: int, outside: float
) -> tuple[float, int, int, int, float, int]:
    """Return what a token changes: the text's worth, the state behind it (fields of WordState), words begun."""
    change, begun = 0.0, 0
    for place in range(model.code_first[token], model.code_first[token + 1]):
        code = model.codes[place]
        if node == ROOT and (code == WORD_BEGIN or (code == SEPARATOR and model.free_separators)):
            continue
        if code < 0:
            step, context = word_finish(model, context, node, spelled, outside)
            change += step
            outside = ngram_step(*model.words, context, UNKNOWN_ID)[0] - model.penalty
            node, spelled = ROOT, model.characters_start
        else:
            begun += node == ROOT
            change -= _in_progress(model, node, outside)
            step, spelled = ngram_step(*model.characters, spelled, model.character_ids[code])
            outside += step
            if node != OUTSIDE:
                node = find(model.tree_first, model.tree_letter, node, code)
            change += _in_progress(model, node, outside)
    return change, context, node, spelled, outside, begun


@compiled(nogil=True)
def word_finish(model: WordTables, context: int, node: int, spelled: int, outside: float) -> tuple[float, int]:
    """Return what the end of the word in progress changes of the text's worth, and the context behind it."""
    before = _in_progress(model, node, outside)
    word = NO_WORD if node == OUTSIDE else model.tree_word[node]
    if word == NO_WORD:
        ln_end = ngram_step(*model.characters, spelled, END_ID)[0]
        return outside + ln_end - before, ngram_step(*model.words, context, UNKNOWN_ID)[1]
    ln_p, context = ngram_step(*model.words, context, word)
    return ln_p - before, context


@inner
def _in_progress(model: WordTables, node: int, outside: float) -> float:
    if node == ROOT:
        return 0.0
    return outside if node == OUTSIDE else max(model.tree_ahead[node], outside)
