"""A language model and weights in, a function from emissions to token ids out: our search and what it is timed beside.

All get a beam of 50 or 10, the ten best labels of a frame, and the same ARPA file. flashlight-text: no lexicon, its
KenLM, no threshold, alignments summed. It ends every cut with </s>, has no bonus without a lexicon, and backspace and
shift are to its language model what they are in the file: unknown symbols. Hypotheses that differ only in whether they
end in blank are two in its beam, and those of one model state are one.
pyctcdecode: each token as a word, with the thresholds that it has by default, since it does not know a top ten.

KenLMScorer and PyctcdecodeSearch put the two packages behind our interfaces; KenLM reads its binaries (.bin) and ARPA
files, in which ␣ is a space.
"""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from emgasr.decoding import BeamSearch, SearchConfig, align
from emgasr.decoding.hypothesis import Hypothesis, checked
from emgasr.errors import ConfigError, LanguageModelError
from emgasr.lm import NGramModel
from emgasr.lm.formats.arpa_symbols import SPACE_SIGN
from emgasr.lm.ngram import END
from emgasr.lm.trie import LN10
from emgasr.tokens import BACKSPACE, SHIFT, Tokens

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tests.oracles.reference_search import BeamSearch as ReadableSearch

WORD_SIGN = "▁"  # pyctcdecode's first sign of a token that begins a word
LEAST_LN = math.log(1e-15)  # what it takes for all that is less likely (its MIN_TOKEN_CLIP_P)
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
        lm_weight=config.lm_weight * LN10,  # its KenLM scores are log10
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


class KenLMScorer:
    """A model that KenLM reads, with NGramModel's start, score and end; its states compare and hash by context."""

    def __init__(self, path: str | Path) -> None:
        """Read `path`; LanguageModelError where the package kenlm is missing or the file is none of its models."""
        try:
            import kenlm
        except ImportError:
            wrong = "cannot be read without the package kenlm"
            advice = "run `pip install kenlm` (a C++ compiler, Python 3.12 or older), or give an ARPA file to read_arpa"
            raise LanguageModelError(path, wrong, advice) from None
        try:
            config = kenlm.Config()
            config.show_progress, config.arpa_complain = False, kenlm.ARPALoadComplain.NONE
            self.model = kenlm.Model(str(path), config)
        except (OSError, RuntimeError) as error:
            raise LanguageModelError(path, f"KenLM cannot read it ({error})", "give its .bin or an ARPA file") from None
        self._new_state = kenlm.State

    @property
    def order(self) -> int:
        """The length of the longest n-grams."""
        return int(self.model.order)

    def start(self) -> Any:
        """Return the state at the beginning of a sentence."""
        state = self._new_state()
        self.model.BeginSentenceWrite(state)
        return state

    def score(self, state: Any, symbol: str) -> tuple[float, Any]:
        """Return ln p(symbol | state) and the state after it; a symbol that the model does not know counts as <unk>."""
        after = self._new_state()
        return self.model.BaseScore(state, as_written(symbol), after) * LN10, after

    def end(self, state: Any) -> float:
        """Return ln p(the sentence ends | state)."""
        return self.score(state, END)[0]

    def unknown_symbols(self, symbols: Iterable[str]) -> list[str]:
        """Return those of `symbols` that the model does not know, in order."""
        return [symbol for symbol in symbols if as_written(symbol) not in self.model]


class PyctcdecodeSearch:
    """pyctcdecode as a search: every token is a word to it, so that a language model of tokens scores each.

    It sums over alignments as we do, and weighs alike with `beam`, `lm_weight`, `length_bonus`, `end_of_sentence` and
    `n_best` of SearchConfig; the other weights are refused. It differs: backspace and shift are ordinary symbols to it;
    there is no `top_k`, but labels whose ln p is below `token_min_logp` are left out, and hypotheses that are
    `beam_prune_logp` behind the best (its own defaults; minus infinity: none); it takes 1e-15 for what is less likely.
    """

    def __init__(
        self,
        tokens: Tokens,
        lm: KenLMScorer | None = None,
        config: SearchConfig | None = None,
        *,
        token_min_logp: float = -5.0,
        beam_prune_logp: float = -10.0,
    ) -> None:
        """Build its decoder; ConfigError where the package is missing or is asked for what it cannot do."""
        self.tokens, self.lm, self.config = tokens, lm, config or SearchConfig()
        self.limits = {"token_min_logp": token_min_logp, "beam_prune_logp": beam_prune_logp}
        self.decoder = self._decoder(_words(tokens))
        self._ids = {as_written(symbol): token for token, symbol in enumerate(tokens.symbols)}

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Search the whole utterance (F, V); return the n best hypotheses."""
        emissions = np.maximum(checked(emissions, len(self.tokens)), LEAST_LN)
        if not len(emissions):
            return [self._hypothesis((), 0.0, emissions)]
        beams = self.decoder.decode_beams(
            emissions, self.config.beam, lm_start_state=self.lm.start() if self.lm else None, **self.limits
        )
        found = [
            self._hypothesis(self.ids(beam[0]), float(beam[-2]), emissions) for beam in beams[: self.config.n_best]
        ]
        return sorted(found, key=lambda hypothesis: -hypothesis.score)

    def ids(self, text: str) -> tuple[int, ...]:
        """Return the token ids of what the decoder answers: tokens between spaces."""
        return tuple(self._ids[word] for word in text.split(" ") if word)

    def _hypothesis(self, ids: tuple[int, ...], acoustic: float, emissions: np.ndarray) -> Hypothesis:
        # The decoder's own total counts the empty text as an unknown word.
        ln_p = self._ln_p(ids)
        score = acoustic + self.config.lm_weight * ln_p + self.config.length_bonus * len(ids)
        frames, confidences = align(emissions, ids)
        return Hypothesis(ids, frames, confidences, score, acoustic, ln_p)

    def _ln_p(self, ids: tuple[int, ...]) -> float:
        if self.lm is None:
            return 0.0
        state, ln_p = self.lm.start(), 0.0
        for symbol in self.tokens.symbols_of(ids):
            step, state = self.lm.score(state, symbol)
            ln_p += step
        return ln_p + (self.lm.end(state) if self.config.end_of_sentence else 0.0)

    def _decoder(self, words: list[str]) -> Any:
        config = self.config
        try:
            from pyctcdecode import Alphabet, BeamSearchDecoderCTC, LanguageModel
        except ImportError:
            advice = (
                "run `pip install --no-deps pyctcdecode pygtrie hypothesis` (numpy 2, which its metadata forbid, works)"
            )
            raise ConfigError("pyctcdecode", "is not installed", advice) from None
        for name in ("acoustic_scale", "blank_penalty", "backspace_penalty", "word_bonus", "refund_bonus"):
            usual = getattr(SearchConfig, name)
            if getattr(config, name) != usual:
                raise ConfigError("pyctcdecode", f"has no {name} ({getattr(config, name)})", f"leave it at {usual:g}")
        if self.lm is None and config.length_bonus != 0:
            raise ConfigError("pyctcdecode", "has no length_bonus without a language model", "leave it at 0")
        if self.lm is None:
            return BeamSearchDecoderCTC(Alphabet(words, True))
        known = [word[1:] for word in words[1:] if word[1:] in self.lm.model]
        if not known:
            wrong = f"knows none of the model's {len(words) - 1} symbols ({self.tokens.symbols[1]!r}, ...)"
            raise LanguageModelError("language model", wrong, "use one built for this symbol set")
        log = logging.getLogger("pyctcdecode.language_model")
        level = log.level
        log.setLevel(logging.ERROR)  # it doubts so short a list of words, and they are tokens
        try:
            model = LanguageModel(
                self.lm.model,
                known,
                alpha=config.lm_weight,
                beta=config.length_bonus,
                unk_score_offset=0.0,
                score_boundary=config.end_of_sentence,
            )
        finally:
            log.setLevel(level)
        return BeamSearchDecoderCTC(Alphabet(words, True), model)


def as_written(symbol: str) -> str:
    """Return a symbol as ARPA files hold it, with ␣ for a space."""
    return symbol.replace(" ", SPACE_SIGN)


def _words(tokens: Tokens) -> list[str]:
    """Return pyctcdecode's label of each token, the blank's empty."""
    for symbol in tokens.symbols[1:]:
        if as_written(symbol).split() != [as_written(symbol)] or symbol.endswith(WORD_SIGN):
            raise ConfigError("pyctcdecode", f"takes the symbol {symbol!r} for one of its own signs", "use our search")
    return ["", *(WORD_SIGN + as_written(symbol) for symbol in tokens.symbols[1:])]
