"""Recordings in; batches of stretches of them, people alike, with the contractions in them, out. No label is read."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from emgasr.data.batches import Batch, collate
from emgasr.data.compose import Example, Take
from emgasr.errors import DataError
from emgasr.pretraining.events import Event, EventFinder, EventsConfig
from emgasr.recording import Recording

PIECE_S = 4.0  # of a session, as the statistics of its start are drawn from


class StretchSampler:
    """Stretches of `stretch_s` seconds, drawn from people alike and from a person's recordings by their length.

    The times of a batch's labels are those of events where `events` says what one is; their ids say nothing.

    Raises:
        DataError: there is no recording, or one is shorter than a stretch.
    """

    def __init__(
        self,
        recordings: Sequence[Recording],
        stretch_s: float,
        size: int,
        seed: int,
        events: EventsConfig | None = None,
    ) -> None:
        if not recordings:
            raise DataError("pretraining data", "holds no recording", "check the manifest's splits")
        self.stretch_s, self.size, self.seed = stretch_s, size, seed
        self.recordings = list(recordings)
        for recording in recordings:
            if recording.duration_s < stretch_s:
                wrong = f"lasts {recording.duration_s:.1f} s, less than a stretch of {stretch_s:g} s"
                where = f"recording {recording.subject}/{recording.session}"
                raise DataError(where, wrong, "shorten stretch_s, or leave it out")
        self.people: dict[str, list[int]] = {}
        for number, recording in enumerate(recordings):
            self.people.setdefault(recording.subject, []).append(number)
        self.events = [events_of(recording, events) if events else [] for recording in recordings]
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
