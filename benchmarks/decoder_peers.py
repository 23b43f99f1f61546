"""A language model and weights in, a function from emissions to token ids out: our search and what it is timed beside.

All get a beam of 50 or 10, the ten best labels of a frame, and the same ARPA file. flashlight-text: no lexicon, its
KenLM, no threshold, alignments summed. It ends every cut with </s>, has no bonus without a lexicon, and backspace and
shift are to its language model what they are in the file: unknown symbols. Hypotheses that differ only in whether they
end in blank are two in its beam, and those of one model state are one.
pyctcdecode: each token as a word, with the thresholds that it has by default, since it does not know a top ten.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.decoding.hypothesis import SearchConfig
from emgasr.decoding.peers import KenLMScorer, PyctcdecodeSearch, as_written
from emgasr.decoding.reference import BeamSearch as ReadableSearch
from emgasr.decoding.search import BeamSearch
from emgasr.lm import NGramModel
from emgasr.tokens import BACKSPACE, SHIFT, Tokens

Read = Callable[[np.ndarray], Sequence[int]]
TOKENS = Tokens.keystrokes()
# The same ids without a backspace rule: backspace and shift are symbols that the language model does not know.
PLAIN_TOKENS = Tokens.characters({BACKSPACE: "\ue000", SHIFT: "\ue001"}.get(s, s) for s in TOKENS.symbols[1:])


@dataclass(frozen=True)
class Language:
    """The language model in memory, and as the file that the peers read."""

    model: NGramModel
    arpa: Path


def ours(language: Language, config: SearchConfig) -> Read:
    """Return the compiled search."""
    search = BeamSearch(TOKENS, language.model, config)
    return lambda emissions: search.whole(emissions)[0].ids


def ours_as_flashlight(language: Language, config: SearchConfig) -> Read:
    """Return the compiled search with flashlight's semantics, but for what its beam merges and keeps apart."""
    search = BeamSearch(PLAIN_TOKENS, language.model, config)
    return lambda emissions: search.whole(emissions)[0].ids


def oracle(language: Language, config: SearchConfig) -> Read:
    """Return the readable search."""
    search = ReadableSearch(TOKENS, language.model, config)
    return lambda emissions: search.whole(emissions)[0].ids


def flashlight(language: Language, config: SearchConfig) -> Read:
    """Return flashlight-text's lexicon-free decoder; ImportError where it is missing."""
    from flashlight.lib.text.decoder import CriterionType, LexiconFreeDecoder, LexiconFreeDecoderOptions

    options = LexiconFreeDecoderOptions(
        beam_size=config.beam,
        beam_size_token=config.top_k,
        beam_threshold=1e9,
        lm_weight=config.lm_weight * math.log(10),  # its KenLM scores are log10
        sil_score=0.0,
        log_add=True,  # as fast as the maximum, and reads better
        criterion_type=CriterionType.CTC,
    )
    decoder = LexiconFreeDecoder(options, _flashlight_kenlm(language.arpa), 0, 0, [])

    def read(emissions: np.ndarray) -> list[int]:
        decoder.decode_begin()
        decoder.decode_step(emissions.ctypes.data, *emissions.shape)
        decoder.decode_end()
        path = np.array(decoder.get_best_hypothesis().tokens)  # a label a frame
        return path[(path != 0) & (np.diff(path, prepend=0) != 0)].tolist()

    return read


@cache
def _flashlight_kenlm(arpa: Path) -> Any:
    from flashlight.lib.text.decoder.kenlm import KenLM
    from flashlight.lib.text.dictionary import Dictionary

    return KenLM(str(arpa), Dictionary([as_written(symbol) for symbol in TOKENS.symbols]))


def pyctcdecode(language: Language, config: SearchConfig) -> Read:
    """Return pyctcdecode's decoder; EmgasrError where it or kenlm is missing."""
    search = PyctcdecodeSearch(TOKENS, _kenlm(language.arpa), config)
    return lambda emissions: search.ids(search.decoder.decode(emissions, config.beam))


@cache
def _kenlm(arpa: Path) -> KenLMScorer:
    return KenLMScorer(arpa)
