"""Emissions and a language model in, n-best hypotheses out: prefix beam search, compiled, for streams of any length.

`tests/oracles/reference_search.py` is the same search in plain Python; `emgasr.decoding.kernel` makes it fast. Tokens
that all live hypotheses share become final with their times as the stream goes on, and the search forgets them, so that
memory and delay are bounded.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from emgasr.decoding import kernel
from emgasr.decoding.belonging import check_belonging
from emgasr.decoding.hotwords import Hotwords
from emgasr.decoding.hypothesis import Evidence, Hypothesis, SearchConfig, refusal
from emgasr.decoding.kernel.masses import LARGEST_LN, LOGS_FRAMES, TINY
from emgasr.decoding.kernel.ngrams import NGramTables, ngram_tables
from emgasr.decoding.kernel.nodes import rewrite_factors
from emgasr.decoding.kernel.rows import (
    DONE,
    FURTHER,
    MORE_BEAM,
    MORE_NODES,
    MORE_WINDOW,
    NEARER,
    NOT_A_NUMBER,
    NOT_NORMALIZED,
)
from emgasr.decoding.kernel.tree import FINAL, NODE, PROGRESS, Tree, agreeing, compact, tail, tail_times
from emgasr.decoding.kernel.weights import Weights, weights_of
from emgasr.decoding.kernel.words import BoostTables, WordTables, boost_tables, word_finish, word_tables
from emgasr.lm.ngram import NGramModel
from emgasr.lm.words import WordModel, WordState
from emgasr.tokens import Tokens

FIRST_ENTRIES, FIRST_NODES, FIRST_FRAMES, FIRST_TOKENS = 64, 4096, 512, 512


def beam_search(
    emissions: np.ndarray,
    tokens: Tokens,
    lm: NGramModel | WordModel | None = None,
    config: SearchConfig | None = None,
    hotwords: Hotwords | None = None,
) -> list[Hypothesis]:
    """Return the best hypotheses of emissions (F, V), best first; of no frames the empty one."""
    return BeamSearch(tokens, lm, config, hotwords).whole(emissions)


@dataclass
class SearchState:
    """Where a search stands between two chunks: plain arrays, which `BeamSearch.step` moves on in place.

    `ids`, `frames`, `confidences` and `evidence` are those of the final tokens: nothing takes them back.
    """

    tree: Tree
    scratch: kernel.Scratch
    ids: list[int] = field(default_factory=list)
    frames: list[int] = field(default_factory=list)
    confidences: list[float] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)

    @property
    def frames_seen(self) -> int:
        """How many frames were searched."""
        return int(self.tree.progress["frame"][0])

    @property
    def open_frames(self) -> int:
        """How many of the latest frames no final token has used up: what may still change."""
        return int(self.tree.progress["open_to"][0] - self.tree.progress["open_from"][0])

    @property
    def logs(self) -> bool:
        """Whether masses are logarithms at present."""
        return bool(self.tree.progress["logs"][0])

    def copy(self) -> SearchState:
        """A state of its own, to go back to."""
        tree = Tree(*(array.copy() for array in self.tree))
        scratch = kernel.scratch(tree.beam.shape[1], tree.window.shape[1])
        return SearchState(
            tree, scratch, list(self.ids), list(self.frames), list(self.confidences), list(self.evidence)
        )


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
        self.lm = lm
        self.config = config or SearchConfig()
        self.hotwords = hotwords
        check_belonging(tokens, lm, self.config, hotwords)

    @cached_property
    def ngrams(self) -> NGramTables:
        """The n-gram model's arrays under this configuration's weights."""
        return ngram_tables(self.tokens, self.lm, self.config.lm_weight, self.config.length_bonus)

    @cached_property
    def words(self) -> WordTables | None:
        """The word model's arrays, if the language model is one."""
        return word_tables(self.lm) if isinstance(self.lm, WordModel) else None

    @cached_property
    def boosts(self) -> BoostTables | None:
        """The hotwords' arrays, if there are any."""
        return boost_tables(self.hotwords) if self.hotwords else None

    @cached_property
    def weights(self) -> Weights:
        """The configuration as the kernel reads it."""
        return weights_of(self.config, self.tokens, self.lm is not None)

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Search the whole utterance (F, V)."""
        return self.flush(self.step(emissions, self.start(min(len(emissions), self.config.finalize_within))))

    def start(self, frames: int = FIRST_FRAMES) -> SearchState:
        """Return the state before the first frame: the empty prefix, its only alignment of no frames.

        There is room for as many `frames` as are open at once; it grows where that is too little.
        """
        tree = Tree(
            nodes=np.zeros(FIRST_NODES, NODE),
            beam=np.zeros((2, FIRST_ENTRIES), np.int32),
            mass=np.zeros((2, 2, FIRST_ENTRIES)),
            window=np.zeros((max(1, frames), len(self.tokens))),
            final=np.zeros(frames + FIRST_TOKENS, FINAL),
            progress=np.zeros(1, PROGRESS),
        )
        root, progress = tree.nodes[0], tree.progress[0]
        root["parent"] = root["child"] = root["sibling"] = -1
        root["hot"] = self.hotwords.start if self.hotwords else 0
        if isinstance(self.lm, WordModel) and self.words is not None:
            begin = self.lm.start()
            root["state"], root["lexicon"], root["spelled"], root["outside"] = begin
            root["ln_finish"], _ = word_finish(self.words, *begin)
        elif isinstance(self.lm, NGramModel):
            root["state"] = self.lm.start()
        tree.mass[0, 0, 0] = 1.0
        progress["live"] = progress["used"] = 1
        if self._rewrite_factors(tree, None) > LARGEST_LN:
            self._further(tree)
        return SearchState(tree, kernel.scratch(FIRST_ENTRIES, len(self.tokens)))

    def step(self, emissions: np.ndarray, state: SearchState) -> SearchState:
        """Search on through a chunk of emissions (F, V), in place; any chunking ends in the same state."""
        emissions = np.ascontiguousarray(emissions, dtype=np.float64)
        if emissions.ndim != 2 or emissions.shape[1] != len(self.tokens):
            raise refusal(emissions, len(self.tokens))
        if not emissions.flags.writeable:
            emissions = emissions.copy()  # one kind of array for the compiler
        row = 0
        while True:
            # Tuples: numba takes them at a third of the time that it needs for a NamedTuple.
            row, answer = kernel.advance(
                emissions, row, tuple(self.ngrams), self.words, self.boosts, tuple(self.weights), tuple(state.tree),
                tuple(state.scratch), True if state.logs else None,
            )  # fmt: skip
            take_final(state)
            if answer == DONE:
                return state
            if answer in (NOT_A_NUMBER, NOT_NORMALIZED):
                raise refusal(emissions, len(self.tokens), state.frames_seen - row)
            if answer == FURTHER:
                self._further(state.tree)
                continue
            if answer == NEARER:
                self._nearer(state.tree)
                continue
            state.tree = _grown(state.tree, answer)
            if answer == MORE_BEAM:
                state.scratch = kernel.scratch(state.tree.beam.shape[1], len(self.tokens))

    def flush(self, state: SearchState) -> list[Hypothesis]:
        """Return the n best hypotheses of what was searched so far; the state can be stepped on afterwards."""
        tree, live = state.tree, state.tree.progress["live"][0]
        nodes, mass = tree.beam[0, :live], tree.mass[0, :, :live]
        known = tree.nodes[nodes]
        if state.logs:
            scores = np.logaddexp(mass[0], mass[1])
        else:
            with np.errstate(divide="ignore"):
                scores = np.log(mass.sum(0)) + tree.progress["ln_scale"][0]
        acoustic = scores - known["prior"]
        ln_p = known["ln_p"].copy()
        if self.lm is not None and self.config.end_of_sentence:
            endings = np.array([self._end(node) for node in known])
            ln_p += endings
            scores += self.config.lm_weight * endings
        if self.hotwords:
            scores += self.hotwords.ending[known["hot"]]
        best = np.argsort(-scores, kind="stable").tolist()
        ranked = scores[best]
        if (ranked[1:] == ranked[:-1]).any():  # of equals the one of lower ids comes first, as in the readable search
            best.sort(key=lambda e: (-scores[e], tail(int(nodes[e]), tree).tolist()))
        return [self._hypothesis(state, e, scores[e], acoustic[e], ln_p[e]) for e in best[: self.config.n_best]]

    def _rewrite_factors(self, tree: Tree, logs: bool | None) -> float:
        return float(rewrite_factors(tree, self.weights, self.ngrams.contexts, self.words, self.boosts, logs))

    def _further(self, tree: Tree) -> None:
        """Go on with logarithms of masses, for some frames at least: plain ones do not reach as far as is needed."""
        progress = tree.progress[0]
        live = tree.mass[0, :, : progress["live"]]
        with np.errstate(divide="ignore"):
            live[:] = np.log(live) + progress["ln_scale"]
        progress["ln_scale"], progress["logs"], progress["too_far"] = 0.0, 1, 0
        progress["logs_until"] = progress["frame"] + LOGS_FRAMES
        self._rewrite_factors(tree, True)

    def _nearer(self, tree: Tree) -> None:
        """Go back to plain masses if these reach as far as all that lives, else go on as it is."""
        compact(tree)
        progress = tree.progress[0]
        live = tree.mass[0, :, : progress["live"]]
        totals = np.logaddexp(live[0], live[1])
        best = totals.max()
        if totals.min() - best < math.log(TINY) or self._rewrite_factors(tree, None) > LARGEST_LN:
            self._rewrite_factors(tree, True)
            progress["logs_until"] += LOGS_FRAMES
            return
        live[:] = np.exp(live - best)
        progress["ln_scale"], progress["logs"] = best, 0

    def _end(self, node: np.void) -> float:
        """Return ln p that the text of a NODE ends."""
        if isinstance(self.lm, WordModel):
            state, lexicon, spelled = int(node["state"]), int(node["lexicon"]), int(node["spelled"])
            return self.lm.end(WordState(state, lexicon, spelled, float(node["outside"])))
        return self.lm.end(int(node["state"])) if self.lm else 0.0

    def _hypothesis(self, state: SearchState, entry: int, score: float, acoustic: float, ln_p: float) -> Hypothesis:
        tree = state.tree
        ids = tail(tree.beam[0, entry], tree)
        frames, confidences, leads = tail_times(ids, tree) if len(ids) else (ids, ids, ids)
        shares = agreeing(tree, entry, True if state.logs else None)[1:] if len(ids) else ids
        waits = state.frames_seen - frames
        return Hypothesis(
            ids=(*state.ids, *ids.tolist()),
            frames=(*state.frames, *frames.tolist()),
            confidences=(*state.confidences, *confidences.tolist()),
            score=float(score),
            acoustic=float(acoustic),
            lm=float(ln_p),
            evidence=(*state.evidence, *map(Evidence, leads.tolist(), shares.tolist(), waits.tolist())),
        )


def take_final(state: SearchState) -> None:
    """Move the final tokens from the kernel's room to the state's lists."""
    tree = state.tree
    count = int(tree.progress["finalized"][0])
    if count:
        state.ids += tree.final["id"][:count].tolist()
        state.frames += tree.final["frame"][:count].tolist()
        state.confidences += tree.final["confidence"][:count].tolist()
        evidence = (tree.final[name][:count].tolist() for name in Evidence._fields)
        state.evidence += map(Evidence, *evidence)
        tree.progress["finalized"] = 0


def _grown(tree: Tree, answer: int) -> Tree:
    """The tree with twice the room of the kind that the kernel asked for."""
    if answer == MORE_NODES:
        return tree._replace(nodes=_doubled(tree.nodes, 0))
    if answer == MORE_BEAM:
        return tree._replace(beam=_doubled(tree.beam, 1), mass=_doubled(tree.mass, 2))
    if answer == MORE_WINDOW:
        return tree._replace(window=_doubled(tree.window, 0))
    return tree._replace(final=_doubled(tree.final, 0))


def _doubled(array: np.ndarray, axis: int) -> np.ndarray:
    shape = list(array.shape)
    shape[axis] *= 2
    room = np.zeros(shape, array.dtype)  # of the very same dtype, which numba knows by its address
    room[tuple(map(slice, array.shape))] = array
    return room
