"""Emissions in, tokens out by two passes: a search until a segment ends, then the second look at its hypotheses.

A segment ends at an enter, in a pause, or when it is long. What ends it depends on frames counted from the start, so
that any chunking gives the same tokens; read whole, a recording is read as a stream.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace

import numpy as np

from emgasr.decoding import BeamSearch, Hypothesis
from emgasr.decoding.hypothesis import Evidence
from emgasr.decoding.narrow import keep_beginning
from emgasr.rescoring.second_pass import KEPT_TOKENS, SecondLook, SecondPass
from emgasr.tokens import ENTER

Read = tuple[int, int, float, Evidence]  # a token's id, its frame, its confidence, and the evidence


@dataclass(frozen=True, eq=False)
class Seen:
    """One segment as it was looked at: the hypotheses of the search, the tokens in front, the ids that were chosen."""

    hypotheses: tuple[Hypothesis, ...]
    before: tuple[int, ...]
    chosen: tuple[int, ...]


@dataclass
class SecondReport:
    """What second looks came to: counts of segments, and seconds that scorers took for each that they looked at."""

    segments: int = 0
    gated: int = 0
    changed: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, look: SecondLook, first: Hypothesis, seconds: float) -> None:
        """Count one segment."""
        self.segments += 1
        self.gated += look.gated
        self.changed += look.hypotheses[0].ids != first.ids
        if look.failure is not None:
            self.failures.append(look.failure)
        if not look.gated:
            self.seconds.append(seconds)

    def as_dict(self) -> dict[str, float | int]:
        """Return counts and milliseconds: of a segment on the average, gated ones included, and the slowest."""
        return {
            "segments": self.segments,
            "gated": self.gated,
            "changed": self.changed,
            "failures": len(self.failures),
            "ms_per_segment": round(1000 * sum(self.seconds) / max(1, self.segments), 3),
            "ms_slowest": round(1000 * max(self.seconds, default=0.0), 3),
        }


class SegmentReader:
    """Reads rows (F, V) of log-probabilities; `taken` are tokens that are final.

    Args:
        search: the first pass.
        second: the second.
        frame_rate_hz: of the rows.
        unit: frames between two looks at whether a segment ends.
        report: what counts segments.
        seen: what keeps each segment; None: nothing does.
    """

    def __init__(
        self,
        search: BeamSearch,
        second: SecondPass,
        frame_rate_hz: float,
        unit: int = 1,
        report: SecondReport | None = None,
        seen: list[Seen] | None = None,
    ) -> None:
        self.second, self.unit, self.tokens = second, unit, search.tokens
        self.report, self._seen = report or SecondReport(), seen
        config = second.config
        self._pause, self._settle, self._longest = (
            max(1, round(seconds * frame_rate_hz)) for seconds in (config.pause_s, config.settle_s, config.longest_s)
        )
        n_best = min(config.n_best, search.config.beam)
        several = replace(search.config, end_of_sentence=False, n_best=n_best)
        self._first = BeamSearch(search.tokens, search.lm, replace(several, n_best=1), search.hotwords)
        self._several = BeamSearch(search.tokens, search.lm, several, search.hotwords)
        ending = replace(several, end_of_sentence=search.config.end_of_sentence)
        self._ending = BeamSearch(search.tokens, search.lm, ending, search.hotwords)
        self._enter = self.tokens.ids([ENTER])[0] if ENTER in self.tokens.symbols else None
        self.frames = 0
        self.ended = self.pauses = 0  # segments, and those that a pause ended
        self.last: Hypothesis | None = None  # of the segment that ended last, with the scores of the search
        self._base = 0  # frame where this search began
        self._state = self._first.start()
        self._best = self._first.flush(self._state)[0]
        self._before: list[int] = []
        self._final: list[Read] = []

    def read(self, rows: np.ndarray) -> None:
        """Read on."""
        done = 0
        while done < len(rows):
            count = min(self.unit - self.frames % self.unit, len(rows) - done)
            self._state = self._first.step(rows[done : done + count], self._state)
            done += count
            self.frames += count
            if self.frames % self.unit == 0:
                self._look()
        self._best = self._first.flush(self._state)[0]

    def taken(self) -> list[Read]:
        """Return the tokens that became final since the last call."""
        final, self._final = self._final, []
        return final

    def partial(self) -> list[Read]:
        """Return the tokens of the segment that goes on, as the search reads it now."""
        return self._placed(self._best)

    def end(self) -> None:
        """End the segment: the stream ends here, or something new begins."""
        hypotheses = self._ending.flush(self._state)
        self.last = self._decide(hypotheses) if hypotheses[0].ids else hypotheses[0]
        self._base, self._state = self.frames, self._first.start()
        self._best, self._before = self._first.flush(self._state)[0], []

    def _look(self) -> None:
        """End the segment if it is time."""
        self._best = best = self._first.flush(self._state)[0]
        if not best.ids:
            return
        now = self.frames - self._base
        if now - best.frames[-1] >= self._pause:
            self._cut(now)
            self.pauses += 1
            return
        enters = [f for i, f in zip(best.ids, best.frames, strict=True) if i == self._enter and now - f >= self._settle]
        if enters:
            self._cut(enters[0] + 1)
        elif now - best.frames[0] >= self._longest:
            old = [frame for frame in best.frames if now - frame >= self._settle]
            self._cut(old[-1] + 1)

    def _cut(self, frame: int) -> None:
        """End the segment in front of a frame: hypotheses are looked at up to there, and live on behind it."""
        shortened: dict[tuple[int, ...], Hypothesis] = {}
        for each in self._several.flush(self._state):
            count = sum(begins < frame for begins in each.frames)
            ids = each.ids[:count]
            if ids not in shortened:  # of several that go on differently the best, which comes first
                shortened[ids] = replace(
                    each,
                    ids=ids,
                    frames=each.frames[:count],
                    confidences=each.confidences[:count],
                    evidence=each.evidence[:count],
                )
        chosen = self._decide(list(shortened.values()))
        state = keep_beginning(self._state, chosen.ids)
        for values in (state.ids, state.frames, state.confidences, state.evidence):
            del values[: len(chosen.ids)]
        self._state = state
        self._best = self._first.flush(state)[0]

    def _decide(self, hypotheses: list[Hypothesis]) -> Hypothesis:
        began = time.perf_counter()
        look = self.second.whole(hypotheses, self.tokens, self._before)
        self.report.add(look, hypotheses[0], time.perf_counter() - began)
        chosen = next(each for each in hypotheses if each.ids == look.hypotheses[0].ids)
        if self._seen is not None:
            self._seen.append(Seen(tuple(hypotheses), tuple(self._before), chosen.ids))
        self._final += self._placed(chosen)
        self._before = [*self._before, *chosen.ids][-KEPT_TOKENS:]
        self.ended += 1
        return chosen

    def _placed(self, best: Hypothesis) -> list[Read]:
        rows = zip(best.ids, best.frames, best.confidences, best.evidence, strict=True)
        return [(index, self._base + frame, confidence, evidence) for index, frame, confidence, evidence in rows]


class SecondSearch:
    """Two passes with the face of a search: emissions in, one hypothesis out; `report` counts what they did.

    Args:
        search: the first pass.
        second: the second.
        frame_rate_hz: of the emissions.
        unit: frames between two looks at whether a segment ends.
        keep: whether `seen` keeps the segments of each recording that is read whole, in order.
    """

    def __init__(
        self,
        search: BeamSearch,
        second: SecondPass,
        frame_rate_hz: float,
        unit: int = 1,
        keep: bool = False,
    ) -> None:
        self.first, self.second, self.frame_rate_hz, self.unit, self.keep = search, second, frame_rate_hz, unit, keep
        self.seen: list[list[Seen]] = []
        self.tokens, self.lm, self.config = search.tokens, search.lm, replace(search.config, n_best=1)
        self.report = SecondReport()

    def reader(self, seen: list[Seen] | None = None) -> SegmentReader:
        """Return a reader of a stream, whose segments are counted in `report` and kept in `seen`."""
        return SegmentReader(self.first, self.second, self.frame_rate_hz, self.unit, self.report, seen)

    def whole(self, emissions: np.ndarray) -> list[Hypothesis]:
        """Return the hypothesis of emissions (F, V); its scores are those of the search, see SearchConfig."""
        seen: list[Seen] | None = [] if self.keep else None
        reader = self.reader(seen)
        reader.read(np.asarray(emissions, np.float64))
        reader.end()
        read = reader.taken()
        ids, frames, confidences, evidence = zip(*read, strict=True) if read else ((), (), (), ())
        if seen is not None:
            self.seen.append(seen)
        last = reader.last
        assert last is not None
        return [Hypothesis(ids, frames, confidences, last.score, last.acoustic, last.lm, evidence)]
