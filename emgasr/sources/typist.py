"""A simulated person in, the signal of their typing as it happens out: "simulate:seed=3", endless or minutes=5.

They type sentences of their own until they are shown a prompt; from then on they rest, and type what they are shown.
What they type is simulated a sentence at a time, in the middle of rest, with the bands and the day's technique as they
are: at these seams the hum's phase jumps, at a few µV.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from emgasr.recording import Band, Events, Spans
from emgasr.simulate import Person, default_prompts, simulate_person
from emgasr.simulate.electrodes import don
from emgasr.simulate.movement import daily
from emgasr.simulate.session import BANDS, RATE_HZ, typing_samples
from emgasr.simulate.typist import Typed, check_text, type_prompts
from emgasr.sources.paced import paced_source
from emgasr.sources.source import Chunk, Source, is_live
from emgasr.sources.spec import Spec

REST_S, LEAD_S, TAIL_S = 0.25, 0.8, 0.4  # how finely rest is made; rest before and after what is typed
_BEYOND_S = 1.0  # rest goes on over a seam


def open_source(spec: Spec) -> Source:
    """The typist of the options seed (as in `simulate_person`), session (bands and day) and minutes."""
    person = simulate_person(spec.integer("seed", 0))
    session = spec.integer("session", 0)
    minutes = spec.number("minutes", 0.0)
    return TypistSource(person, session, minutes, spec)


class TypistSource:
    """A Source (and Typing) of one simulated person."""

    origin = "simulated"

    def __init__(self, person: Person, session: int, minutes: float, spec: Spec) -> None:
        self.person = person
        self._rng = np.random.default_rng([0x11FE, person.seed, session])
        self._technique = daily(person.technique, self._rng)
        self._donnings = (don(self._rng), don(self._rng))
        self._left = round(60 * minutes * RATE_HZ) if minutes else None
        self._block = self._simulate(_rest(REST_S)).samples  # compiles the simulation before the clock starts
        self._prompted: deque[str] | None = None
        self._own = self._sentences()
        self._at = 0  # samples handed out
        self._presses: list[tuple[float, float, str]] = []
        self._lock = threading.Lock()
        self._source = paced_source(self._read, RATE_HZ, "uV", BANDS, spec)
        self.live = is_live(self._source)

    @property
    def rate_hz(self) -> float:
        """2 kHz."""
        return self._source.rate_hz

    @property
    def unit(self) -> str:
        """µV."""
        return self._source.unit

    @property
    def bands(self) -> tuple[Band, ...]:
        """Rings of 16 electrodes on both forearms."""
        return self._source.bands

    def chunks(self) -> Iterator[Chunk]:
        """The signal as it happens."""
        return self._source.chunks()

    def close(self) -> None:
        """Stop."""
        self._source.close()

    def show(self, text: str) -> None:
        """Type `text` and enter after a moment, after what is being typed; an empty text: rest."""
        if text.strip():
            check_text(text.strip(), "prompt")
        with self._lock:
            if self._prompted is None:
                self._prompted = deque()
            if text.strip():
                self._prompted.append(text.strip())

    def typed(self) -> Events:
        """Keys pressed so far."""
        with self._lock:
            return Events.of(press for press in self._presses if press[0] <= self._at / RATE_HZ)

    def _read(self, rows: int) -> np.ndarray:
        with self._lock:
            if self._left is not None:
                rows = min(rows, self._left - self._at)
            while len(self._block) < rows:
                shown = self._simulate(self._next())
                start_s = (self._at + len(self._block)) / RATE_HZ
                later = shown.typed.events.shift(start_s)
                self._presses += zip(later.time_s.tolist(), later.release_s.tolist(), later.keys, strict=True)
                self._block = np.concatenate([self._block, shown.samples])
            out, self._block = self._block[:rows], self._block[rows:]
            self._at += len(out)
            return out

    def _next(self) -> Typed:
        if self._prompted is None:
            return self._one(next(self._own))
        return self._one(self._prompted.popleft()) if self._prompted else _rest(REST_S)

    def _one(self, text: str) -> Typed:
        """One sentence with a short rest before and after it."""
        typed = type_prompts([text], self.person.habits, self.person.reaches, self._rng)
        prompt = typed.spans.of_kind("prompt")
        earlier = LEAD_S - float(prompt.start_s[0])
        end_s = float(prompt.end_s[0]) + earlier
        rests = [(-_BEYOND_S, LEAD_S, "rest", ""), (end_s, end_s + TAIL_S + _BEYOND_S, "rest", "")]
        return Typed(typed.events.shift(earlier), Spans.of(rests), end_s + TAIL_S)

    def _sentences(self) -> Iterator[str]:
        prompts = default_prompts(self.person.split)
        while True:
            yield from (prompts[i] for i in self._rng.permutation(len(prompts)))

    def _simulate(self, typed: Typed) -> _Shown:
        return _Shown(typed, typing_samples(self.person, self._technique, self._donnings, typed, self._rng))


@dataclass(frozen=True, eq=False)
class _Shown:
    """What was typed and its samples."""

    typed: Typed
    samples: np.ndarray


def _rest(seconds: float) -> Typed:
    return Typed(Events.empty(), Spans.of([(-_BEYOND_S, seconds + _BEYOND_S, "rest", "")]), seconds)
