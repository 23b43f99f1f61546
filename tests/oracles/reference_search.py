"""Emissions and a language model in, n-best hypotheses out: the readable prefix beam search, the fast one's oracle.

Prefix beam search (Graves 2012; Hannun et al. 2014): a prefix is a token sequence, its probability the exact sum over
the alignments of the frames so far, split by whether they end in blank or in its last token.
"""

from __future__ import annotations

import heapq
import math
from dataclasses import replace
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

import numpy as np

from emgasr.decoding.align import align
from emgasr.decoding.belonging import check_belonging, on_page
from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.hypothesis import Hypothesis, SearchConfig, checked
from emgasr.lm.ngram import NGramModel
from emgasr.lm.words import WordModel
from emgasr.tokens import Tokens

BLANK = 0
MINUS_INFINITY = -math.inf


def beam_search(
    emissions: np.ndarray,
    tokens: Tokens,
    lm: NGramModel | WordModel | None = None,
    config: SearchConfig | None = None,
    hotwords: Hotwords | None = None,
) -> list[Hypothesis]:
    """Return the best hypotheses of emissions (F, V), best first; of no frames the empty one."""
    return BeamSearch(tokens, lm, config, hotwords).whole(emissions)


class SearchState(NamedTuple):
    """Where a search stands between two chunks, in plain data."""

    prefixes: tuple[tuple[int, ...], ...]  # token ids of each live prefix, best first
    ln_blank: np.ndarray  # (prefixes,) ln Σ of its alignments that end in blank
    ln_token: np.ndarray  # (prefixes,) ln Σ of its alignments that end in its last token
    emissions: np.ndarray  # (F, V) all so far: the key times are read off them in the end


class _Text:
    """What is on the page: a stack of printed symbols, what language model and hotwords say of it on top."""

    __slots__ = ("below", "boost", "hot", "ln_p", "state")

    def __init__(self, below: _Text | None, state: Any, ln_p: float, hot: int, boost: float) -> None:
        self.below = below  # the text without its last symbol: what a backspace returns to
        self.state = state  # of the language model
        self.ln_p = ln_p
        self.hot = hot  # state of the hotwords
        self.boost = boost  # of hotwords, and bonuses of words


class _Prefix:
    """A token sequence as a node of a tree; `prior` is the part of its score that the emissions have no say in."""

    __slots__ = ("__weakref__", "parent", "prior", "text", "token")

    def __init__(self, parent: _Prefix | None, token: int, text: _Text, prior: float) -> None:
        self.parent = parent
        self.token = token
        self.text = text
        self.prior = prior

    def ids(self) -> tuple[int, ...]:
        ids = []
        node = self
        while node.parent is not None:
            ids.append(node.token)
            node = node.parent
        return tuple(reversed(ids))


Beam = dict[_Prefix, tuple[float, float]]  # live prefix -> (ln_blank, ln_token)


class BeamSearch:
    """A search with its three faces: `whole`, or `start`, `step` for each chunk of emissions and `flush`."""

    def __init__(
        self,
        tokens: Tokens,
        lm: NGramModel | WordModel | None = None,
        config: SearchConfig | None = None,
        hotwords: Hotwords | None = None,
    ) -> None:
        self.tokens = tokens
        self.lm: Any = lm  # each model has states of its own kind
        self.config = config or SearchConfig()
        self.hotwords = hotwords
        check_belonging(tokens, lm, self.config, hotwords)
        self._printing = [on_page(token, tokens, lm) for token in range(len(tokens))]
        self._lm_steps: dict[tuple[Any, int], tuple[float, Any]] = {}
        nothing = _Text(None, lm.start() if lm else 0, 0.0, hotwords.start if hotwords else 0, 0.0)
        self._root = _Prefix(None, BLANK, nothing, 0.0)
        # A prefix that comes up again must be the same node, as long as it or anything grown from it lives.
        self._live: WeakValueDictionary[tuple[_Prefix, int], _Prefix] = WeakValueDictionary()

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Search the whole utterance (F, V)."""
        return self.flush(self.step(emissions, self.start()))

    def start(self) -> SearchState:
        """Return the state before the first frame: the empty prefix, its only alignment of no frames."""
        nothing = np.zeros((0, len(self.tokens)))
        return SearchState(((),), np.zeros(1), np.full(1, MINUS_INFINITY), nothing)

    def step(self, emissions: np.ndarray, state: SearchState) -> SearchState:
        """Search on through a chunk of emissions (F, V); any chunking ends in the same state."""
        emissions = checked(emissions, len(self.tokens), first_frame=len(state.emissions))
        beam: Beam = {}
        for ids, ln_blank, ln_token in zip(state.prefixes, state.ln_blank, state.ln_token, strict=True):
            beam[self._prefix(ids)] = (float(ln_blank), float(ln_token))
        for row in emissions:
            beam = self._pruned(self._advance(beam, row))
        masses = np.array(list(beam.values()))
        seen = np.concatenate([state.emissions, emissions])
        return SearchState(tuple(prefix.ids() for prefix in beam), masses[:, 0], masses[:, 1], seen)

    def flush(self, state: SearchState) -> list[Hypothesis]:
        """Return the n best hypotheses of what was searched so far; the state can be stepped on afterwards."""
        found = []
        for ids, ln_blank, ln_token in zip(state.prefixes, state.ln_blank, state.ln_token, strict=True):
            prefix = self._prefix(ids)
            acoustic = _log_add(float(ln_blank), float(ln_token))
            ending = self.lm.end(prefix.text.state) if self.lm and self.config.end_of_sentence else 0.0
            score = acoustic + prefix.prior + self.config.lm_weight * ending
            if self.hotwords:
                score += float(self.hotwords.ending[prefix.text.hot])
            found.append(Hypothesis(ids, (), (), score, acoustic, prefix.text.ln_p + ending))
        found.sort(key=lambda hypothesis: (-hypothesis.score, hypothesis.ids))
        aligned = ((best, *align(state.emissions, best.ids)) for best in found[: self.config.n_best])
        return [replace(best, frames=frames, confidences=confidences) for best, frames, confidences in aligned]

    def _advance(self, beam: Beam, row: np.ndarray) -> Beam:
        """Return every prefix that one more frame can lead to, with its sums over alignments."""
        scores = (row * self.config.acoustic_scale).tolist()
        scores[BLANK] -= self.config.blank_penalty
        beginning = self._labels_that_may_begin(row)
        if self.config.strict_top_k:
            beginning, scores = self._without_others(row, beginning, scores)
        after: Beam = {}
        for prefix, (ln_blank, ln_token) in beam.items():
            ln_any = _log_add(ln_blank, ln_token)
            _add(after, prefix, ln_any + scores[BLANK], ln_token + scores[prefix.token])
            for token in beginning:
                # The same token again is a new one only if a blank lies between.
                ln_before = ln_blank if token == prefix.token else ln_any
                if ln_before > MINUS_INFINITY:
                    _add(after, self._child(prefix, token), MINUS_INFINITY, ln_before + scores[token])
        return after

    def _labels_that_may_begin(self, row: np.ndarray) -> list[int]:
        labels = np.argsort(-row[1:], kind="stable")[: self.config.top_k] + 1
        return labels[row[labels] > MINUS_INFINITY].tolist()

    def _without_others(self, row: np.ndarray, labels: list[int], scores: list[float]) -> tuple[list[int], list[float]]:
        """Return the labels that may begin, blank counted among the best, and scores of all that may come."""
        best = [label for label in (BLANK, *labels) if row[label] > MINUS_INFINITY]
        best = sorted(best, key=lambda label: -row[label])[: self.config.top_k]
        scores = [score if label in best else MINUS_INFINITY for label, score in enumerate(scores)]
        return [label for label in best if label != BLANK], scores

    def _pruned(self, beam: Beam) -> Beam:
        def score(entry: tuple[_Prefix, tuple[float, float]]) -> float:
            return _log_add(*entry[1]) + entry[0].prior

        possible = (entry for entry in beam.items() if score(entry) > MINUS_INFINITY)
        best = heapq.nlargest(self.config.beam, possible, key=score)
        if self.config.threshold is not None:
            floor = score(best[0]) - self.config.threshold
            best = [entry for entry in best if score(entry) >= floor]
        return dict(best)

    def _prefix(self, ids: tuple[int, ...]) -> _Prefix:
        prefix = self._root
        for token in ids:
            prefix = self._child(prefix, token)
        return prefix

    def _child(self, parent: _Prefix, token: int) -> _Prefix:
        child = self._live.get((parent, token))
        if child is None:
            text = self._after(parent.text, token)
            prior = parent.prior + self.config.lm_weight * (text.ln_p - parent.text.ln_p) + self.config.length_bonus
            prior += text.boost - parent.text.boost
            if token == self.tokens.backspace_id:
                prior -= self.config.backspace_penalty
                if self.config.refund_bonus:  # neither its own, nor that of what it deletes
                    prior -= self.config.length_bonus * (1 if parent.text.below is None else 2)
            child = self._live[parent, token] = _Prefix(parent, token, text, prior)
        return child

    def _after(self, text: _Text, token: int) -> _Text:
        """Return the page after a token: one symbol more, one less (its LM score is refunded), or as it was."""
        if token == self.tokens.backspace_id:
            return text.below or text
        if not self._printing[token]:
            return text
        step = self._lm_steps.get((text.state, token))
        if step is None:
            step = self.lm.score(text.state, self.tokens.symbols[token]) if self.lm else (0.0, 0)
            self._lm_steps[text.state, token] = step
        hot, boost = text.hot, text.boost
        if self.hotwords:
            hot, boost = int(self.hotwords.goto[hot, token]), boost + float(self.hotwords.gain[hot, token])
        if self.config.word_bonus:
            boost += self.config.word_bonus * self.lm.begun(text.state, self.tokens.symbols[token])
        return _Text(text, step[1], text.ln_p + step[0], hot, boost)


def _add(beam: Beam, prefix: _Prefix, ln_blank: float, ln_token: float) -> None:
    there = beam.get(prefix)
    if there is not None:
        ln_blank, ln_token = _log_add(there[0], ln_blank), _log_add(there[1], ln_token)
    beam[prefix] = (ln_blank, ln_token)


def _log_add(a: float, b: float) -> float:
    """Return ln(e^a + e^b)."""
    if a < b:
        a, b = b, a
    return a if b == MINUS_INFINITY else a + math.log1p(math.exp(b - a))
