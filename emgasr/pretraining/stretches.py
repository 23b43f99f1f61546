"""Recordings in; batches of stretches of them, people alike, with the contractions in them, out. No label is read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from emgasr.data.batches import Batch, collate
from emgasr.data.compose import Example, Take
from emgasr.display.wording import counted, listed
from emgasr.errors import DataError
from emgasr.pretraining.events import Event, EventFinder, EventsConfig
from emgasr.recording import Recording

PIECE_S = 4.0  # of a session, as the statistics of its start are drawn from


class StretchSampler:
    """Stretches of `stretch_s` seconds, drawn from people alike and from a person's recordings by their length.

    The times of a batch's labels are those of events where `events` says what one is; their ids say nothing.

    Attributes:
        notes: lines on the recordings that are passed over, or in which no event is found.

    Raises:
        DataError: no recording is as long as a stretch.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        stretch_s: float,
        size: int,
        seed: int,
        events: EventsConfig | None = None,
    ) -> None:
        self.stretch_s, self.size, self.seed = stretch_s, size, seed
        short = [recording for recording in recordings if recording.duration_s < stretch_s]
        self.recordings = recordings = [recording for recording in recordings if recording.duration_s >= stretch_s]
        if not recordings:
            longest = max((recording.duration_s for recording in short), default=0.0)
            wrong = f"the longest of {counted(len(short), 'recording')} lasts {longest:.1f} s, less than a stretch of"
            raise DataError("pretraining data", f"{wrong} {stretch_s:g} s", "shorten stretch_s")
        self.notes: list[str] = []
        if short:
            self.notes.append(f"{counted(len(short), 'recording')} shorter than {stretch_s:g} s passed over")
        self.people: dict[str, list[int]] = {}
        for number, recording in enumerate(recordings):
            self.people.setdefault(recording.subject, []).append(number)
        self.events = [events_of(recording, events) if events else [] for recording in recordings]
        if events and (silent := [one for one, own in zip(recordings, self.events, strict=True) if not own]):
            names = listed(f"{one.subject}/{one.session}" for one in silent)
            told = f"no contraction in {len(silent)} of {counted(len(recordings), 'recording')} ({names})"
            self.notes.append(f"{told}: nothing there is {events.on_db:g} dB louder than the quietest time")
        self.sessions: dict[tuple[str, str], list[Take]] = {}
        for recording in recordings:
            self.sessions.setdefault((recording.subject, recording.session), []).extend(_pieces(recording))
        self._places = {session: place for place, session in enumerate(self.sessions)}

    def batch(self, step: int) -> Batch:
        """Return batch number `step`."""
        rng = np.random.default_rng((self.seed, 3, step))
        return collate([self._stretch(rng) for _ in range(self.size)])

    def _stretch(self, rng: np.random.Generator) -> Example:
        people = sorted(self.people)
        own = self.people[people[rng.integers(len(people))]]
        lengths = np.array([self.recordings[number].duration_s for number in own])
        number = own[rng.choice(len(own), p=lengths / lengths.sum())]
        recording = self.recordings[number]
        start_s = rng.uniform(0, recording.duration_s - self.stretch_s)
        end_s = start_s + self.stretch_s
        inside = [one for one in self.events[number] if one.start_s >= start_s and one.end_s <= end_s]
        samples = recording.read(start_s, end_s)
        samples = samples - samples.mean(0, dtype=np.float64).astype(np.float32)
        onset = np.array([one.start_s - start_s for one in inside], dtype=np.float64)
        offset = np.array([one.end_s - start_s for one in inside], dtype=np.float64)
        worn = self._places[recording.subject, recording.session]
        return Example(samples, [1] * len(inside), onset, offset, recording.subject, recording.session, worn=worn)


def events_of(recording: Recording, config: EventsConfig) -> list[Event]:
    """Return the contractions of a recording, found as a stream of it would find them."""
    finder = EventFinder(config, recording.bands, recording.rate_hz, recording.unit)
    return [*finder.feed(recording.read()), *finder.finish()]


def _pieces(recording: Recording) -> list[Take]:
    count = max(1, int(recording.duration_s / PIECE_S))
    edges = np.linspace(0, recording.duration_s, count + 1)
    facts = (recording.rate_hz, "", recording.subject, recording.session)
    return [
        Take(recording.read(float(first), float(last)), *facts, f"{first:.3f}")
        for first, last in itertools.pairwise(edges)
    ]
