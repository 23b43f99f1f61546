"""Emissions of a stream in, tokens out: those that are final, and those that may still change.

The rules of a reader (what becomes final, where a pause is) look at frames counted from the stream's start, so that any
chunking finalizes the same tokens.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from emgasr.confidence.model import Confidence
from emgasr.decoding import BeamSearch, Hypothesis
from emgasr.decoding.finalize import finalize
from emgasr.decoding.held import Held
from emgasr.decoding.hypothesis import Evidence
from emgasr.decoding.margin import RunningMargin


class Token(NamedTuple):
    """A token id, the frame where it begins (counted from the stream's start), its confidence, and the evidence."""

    id: int
    frame: int
    confidence: float
    evidence: Evidence = Evidence()


def calibrated(tokens: list[Token], confidence: Confidence | None) -> list[Token]:
    """Return tokens with the probability that each is right, where there is a calibrated confidence."""
    if confidence is None:
        return tokens
    sure = confidence.tokens([token.confidence for token in tokens], [token.evidence for token in tokens])
    return [token._replace(confidence=value) for token, value in zip(tokens, sure, strict=True)]


class Reader(ABC):
    """Reads rows (F, V) of log-probabilities; `frames` counts them; a pause that finalizes tokens sets `paused`.

    `notes` are lines for people, which whoever shows them takes away.
    """

    def __init__(self) -> None:
        self.frames = 0
        self.paused = False
        self.notes: list[str] = []
        self._final: list[Token] = []

    def taken(self) -> list[Token]:
        """Return the tokens that became final since the last call."""
        final, self._final = self._final, []
        return final

    @abstractmethod
    def read(self, rows: np.ndarray) -> None:
        """Read on."""

    @abstractmethod
    def partial(self) -> list[Token]:
        """Return the tokens behind the final ones, as they look now."""

    @abstractmethod
    def end(self) -> None:
        """Finalize everything: the stream ends here, or something new begins."""


class GreedyReader(Reader):
    """The collapsed best path; a token is final when its run of frames ends, as its confidence then is known."""

    def __init__(self) -> None:
        super().__init__()
        self._label = 0
        self._run: Token | None = None
        self._margin: RunningMargin | None = None

    def read(self, rows: np.ndarray) -> None:
        """Read on."""
        if self._margin is None:
            self._margin = RunningMargin(rows.shape[1])
        for label, row in zip(rows.argmax(1).tolist(), rows, strict=True):
            confidence = float(np.exp(row[label]))
            if label != self._label:
                self._finalize()
                self._label = label
                if label:
                    self._run = Token(label, self.frames, confidence)
                    self._margin.begin()
            elif self._run is not None and confidence > self._run.confidence:
                self._run = self._run._replace(confidence=confidence)
            if self._run is None:
                self._margin.blank(row)
            else:
                self._margin.add(row)
            self.frames += 1

    def partial(self) -> list[Token]:
        """Return the token whose run goes on."""
        if self._run is None or self._margin is None:
            return []
        return [self._run._replace(evidence=Evidence(self._margin.of(self._run.id)))]

    def end(self) -> None:
        """Finalize the token whose run goes on, and begin anew."""
        self._finalize()
        self._label, self._margin = 0, None

    def _finalize(self) -> None:
        self._final += self.partial()
        self._run = None


class BeamReader(Reader):
    """A beam search whose tokens become final by agreement, by age and by pauses (all in frames; None: never).

    The rules are applied where the count of frames is a multiple of `unit`. A pause also begins a new sentence if the
    search is one to the `end_of_sentence`.
    """

    def __init__(self, search: BeamSearch, agreement: float, within: int | None, pause: int | None, unit: int) -> None:
        super().__init__()
        self.search = search
        self.agreement, self.within, self.pause, self.unit = agreement, within, pause, unit
        open_ended = replace(search.config, end_of_sentence=False, n_best=1)
        self._open = BeamSearch(search.tokens, search.lm, open_ended, search.hotwords)
        self._ending = BeamSearch(search.tokens, search.lm, replace(search.config, n_best=1), search.hotwords)
        self._state = self._open.start()
        self._first = 0  # frame where this search began
        self._best = self._open.flush(self._state)[0]
        self._newest: int | None = None  # frame of the latest token of a sentence that goes on

    def read(self, rows: np.ndarray) -> None:
        """Read on."""
        done = 0
        while done < len(rows):
            count = min(self.unit - self.frames % self.unit, len(rows) - done)
            self._state = self._open.step(rows[done : done + count], self._state)
            done += count
            self.frames += count
            if self.frames % self.unit == 0:
                self._apply_rules()  # which looks
        if self.frames % self.unit:
            self._look()

    def partial(self) -> list[Token]:
        """Return the best hypothesis behind what is final."""
        return self._tokens(self._best)

    def end(self) -> None:
        """Finalize the hypothesis that is best if the sentence ends here, and begin anew."""
        self._take()
        self._final += self._tokens(self._ending.flush(self._state)[0])
        self._first, self._state = self.frames, self._open.start()
        self._best, self._newest = self._open.flush(self._state)[0], None

    def _apply_rules(self) -> None:
        if self.agreement < 1 or self.within is not None:
            self._state = finalize(self._state, self.agreement, self.within)
        self._look()
        if self.pause is None or self._newest is None or self.frames - self._newest < self.pause:
            return
        self.paused = bool(self._best.ids)
        if self.search.config.end_of_sentence:
            self.end()
        else:
            self._state = finalize(self._state, self.agreement, 0)
            self._look()
            self._newest = None

    def _look(self) -> None:
        """Take what is final, and look at the best of what is not."""
        self._take()
        self._best = self._open.flush(self._state)[0]
        if self._best.ids:
            self._newest = self._first + self._best.frames[-1]

    def _take(self) -> None:
        state = self._state
        if state.ids:
            tokens = zip(state.ids, state.frames, state.confidences, state.evidence, strict=True)
            self._final += [Token(i, self._first + f, c, e) for i, f, c, e in tokens]
            self._newest = self._final[-1].frame
            state.ids, state.frames, state.confidences, state.evidence = [], [], [], []

    def _tokens(self, best: Hypothesis) -> list[Token]:
        rows = zip(best.ids, best.frames, best.confidences, best.evidence, strict=True)
        return [Token(i, self._first + f, c, e) for i, f, c, e in rows]


class HeldReader(Reader):
    """Labels that are held, at an operating point: an activation is final at once, and nothing is partial."""

    def __init__(self, held: Held) -> None:
        super().__init__()
        self.held, self._state = held, held.begun()

    def read(self, rows: np.ndarray) -> None:
        """Read on."""
        self._final += [Token(*found) for found in self.held.read(rows, self._state, self.frames)]
        self.frames += len(rows)

    def partial(self) -> list[Token]:
        """Return nothing: a label is active, or it is not."""
        return []

    def end(self) -> None:
        """Begin anew: no label is on."""
        self._state = self.held.begun()
