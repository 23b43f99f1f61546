"""A person, a session's seed and prompts (or real key events) in, a Recording of both forearms out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

import numpy as np

from emgasr.errors import DataError
from emgasr.recording import Band, Events, Recording, Spans
from emgasr.simulate.electrodes import ELECTRODES, UNIT_MICROVOLTS, Donning, don, ring_positions
from emgasr.simulate.keyboard import HANDS
from emgasr.simulate.movement import Technique, daily, muscle_drive
from emgasr.simulate.muscles import MONTAGE, RATE_HZ, muscle_signal
from emgasr.simulate.person import Person
from emgasr.simulate.prompts import default_prompts
from emgasr.simulate.typist import Typed, type_prompts
from emgasr.simulate.world import intrude

BANDS = tuple(Band.numbered(hand, ELECTRODES, ring=True, montage=MONTAGE) for hand in HANDS)


def simulate_session(
    person: Person,
    session_seed: int,
    *,
    prompts: Sequence[str] | None = None,
    events: Events | None = None,
    spans: Spans | None = None,
    minutes: float | None = None,
    rest_minutes: float = 0.0,
) -> Recording:
    """Return `person`'s recording (T, 32) float32 µV at 2 kHz for session `session_seed`; the same in every run.

    `prompts` are typed in order, or, with `minutes`, in random rounds until the time is full (5 minutes of the default
    prompts of the person's split when neither is given). `events` (with their `spans`) are typed at their own times
    instead, cut at `minutes`; keys that the layout lacks leave no trace in the signal. Before the first prompt the
    person rests for `rest_minutes` more, which `minutes` hold. DataError: text without keys, no time for any prompt,
    both prompts and events, rest before events.
    """
    if session_seed < 0:
        raise DataError("simulation", f"a session's seed cannot be {session_seed}", "use 0 or more")
    rng = np.random.default_rng([0x5E55, person.seed, session_seed])
    typed = _typed(person, rng, prompts, events, spans, minutes, rest_minutes)
    samples = typing_samples(person, daily(person.technique, rng), (don(rng) for _ in HANDS), typed, rng)
    return Recording(
        samples=samples,
        rate_hz=RATE_HZ,
        unit="uV",
        bands=BANDS,
        subject=person.subject,
        session=f"{person.subject}-{session_seed:03d}",
        events=typed.events,
        spans=typed.spans,
        origin="simulated",
    )


def typing_samples(
    person: Person, technique: Technique, donnings: Iterable[Donning], typed: Typed, rng: np.random.Generator
) -> np.ndarray:
    """Return the samples (T, 32) float32 µV of what was `typed` by the day's `technique`, the bands as they are worn.

    `donnings` are (left, right), each asked for when its band's turn comes.
    """
    rests = [
        (s, e)
        for s, e, kind in zip(typed.spans.start_s, typed.spans.end_s, typed.spans.kinds, strict=True)
        if kind == "rest"
    ]
    drives = muscle_drive(technique, typed.events, rests, typed.duration_s, rng)
    rings = [_ring(person, hand, drives[hand], typed.duration_s, donning, rng) for hand, donning in enumerate(donnings)]
    return np.concatenate(rings, axis=1)


def _typed(
    person: Person,
    rng: np.random.Generator,
    prompts: Sequence[str] | None,
    events: Events | None,
    spans: Spans | None,
    minutes: float | None,
    rest_minutes: float,
) -> Typed:
    if minutes is not None and not minutes > 0:
        raise DataError("simulation", f"cannot last {minutes} minutes", "give a time above 0")
    limit_s = None if minutes is None else 60.0 * minutes
    if events is not None:
        if prompts is not None:
            raise DataError("simulation", "was given both prompts and events", "choose one")
        if rest_minutes:
            raise DataError("simulation", "was given both rest and events", "events rest at their own times")
        return _replayed(events, spans or Spans.empty(), limit_s)
    if prompts is None:
        prompts = default_prompts(person.split)
        limit_s = limit_s or 300.0
    if not prompts:
        raise DataError("prompts", "hold no text", "give at least one line to type")
    order = iter(prompts) if limit_s is None else _rounds(prompts, rng)
    return type_prompts(order, person.habits, person.reaches, rng, limit_s, 60.0 * rest_minutes)


def _rounds(prompts: Sequence[str], rng: np.random.Generator) -> Iterator[str]:
    return chain.from_iterable((prompts[i] for i in rng.permutation(len(prompts))) for _ in iter(int, 1))


def _replayed(events: Events, spans: Spans, limit_s: float | None) -> Typed:
    if limit_s is not None:
        events, spans = events.between(0.0, limit_s), spans.clip(0.0, limit_s)
    if not len(events):
        raise DataError("events", "hold no key press", "give a file with key presses inside the simulated time")
    if events.time_s[0] < 0:
        raise DataError("events", "begin before 0 s", "shift them to start at 0")
    latest = np.nanmax(np.concatenate([events.time_s, events.release_s, spans.end_s]))
    duration_s = float(latest + 1.0) if limit_s is None else min(float(latest + 1.0), limit_s)
    release_s = np.minimum(events.release_s, duration_s)
    return Typed(Events(events.time_s, release_s, events.keys), spans, duration_s)


def _ring(
    person: Person, hand: int, drive: np.ndarray, duration_s: float, donning: Donning, rng: np.random.Generator
) -> np.ndarray:
    units, arm = person.units[hand], person.arms[hand]
    places = ring_positions(arm, donning)
    level_uv = UNIT_MICROVOLTS * person.loudness
    seed = int(rng.integers(2**63))
    signal = muscle_signal(units, drive, places, level_uv, seed, donning.along_mm, person.fatigability)
    return intrude(signal[: round(duration_s * RATE_HZ)], donning, person.mains_hz, RATE_HZ, rng)
