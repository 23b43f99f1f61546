"""Recordings of several sensors in; what all models together make of each out, their sessions going on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from emgasr.corpora.sensors import every_sensor
from emgasr.frontend.session import SessionConfig
from emgasr.fusion.combine import fused, pooled
from emgasr.fusion.health import PIECE_S, Health
from emgasr.fusion.rover import Vote, vote
from emgasr.fusion.system import Bound, Ensemble, Member, sensor_of
from emgasr.models.listening import Heard
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import SessionReader
from emgasr.recording import Recording, Signal


@dataclass(frozen=True, eq=False)
class Aligned:
    """What each model that has its sensor makes of a recording, on one grid of frames.

    Args:
        places: of the models among the members.
        rows: (F, N, V) natural-log probabilities.
        inside: (F, N) bool, whether the model answers the frame: it has it, and its sensor works.
        times_s: (F,) of the newest sample of each frame.
        heard: by each model alone.
        notes: on sensors that are missing or out, and on what was filled in.
    """

    places: tuple[int, ...]
    rows: np.ndarray
    inside: np.ndarray
    times_s: np.ndarray
    heard: tuple[Heard, ...]
    notes: tuple[str, ...]

    @property
    def unlabelled_s(self) -> float:
        """Seconds of the person's signal that had entered the statistics of the model that knows least of them."""
        return min(heard.unlabelled_s for heard in self.heard)


class EnsembleReader:
    """Reads recordings of any sessions in any order, as `emgasr.models.session.SessionReader` does for one model."""

    def __init__(self, ensemble: Ensemble, config: SessionConfig | None = None, before_s: float = 0.0) -> None:
        self.ensemble = ensemble
        self.readers = [SessionReader(member.recognizer, config, before_s) for member in ensemble.members]

    @property
    def looks_ahead(self) -> bool:
        """Whether `begin` wants the recordings before they are read."""
        return any(reader.looks_ahead for reader in self.readers)

    def begin(self, recordings: Callable[[], Iterable[Recording]]) -> None:
        """Set each session's statistics of each model by its first seconds."""
        for place, reader in enumerate(self.readers):
            if reader.looks_ahead:
                reader.begin(lambda place=place: self._sensors(recordings(), place))  # type: ignore[misc]

    def listen(self, recording: Recording) -> Heard:
        """Return what all models together make of the next recording of a session."""
        found = self.aligned(recording)
        config, first = self.ensemble.config, found.heard[0]
        notes = "; ".join(found.notes)
        systems = [self.ensemble.members[place].system for place in found.places]
        if config.kind == "rover" and len(systems) > 1:
            votes = self.votes(found)
            if len(votes) > 1:
                emissions, times_s = vote(
                    votes, self.ensemble.tokens, config.votes, config.absence, recording.duration_s
                )
                return Heard(emissions, first.statistics, notes, found.unlabelled_s, times_s)
            alone = found.places.index(votes[0].place)
            heard = found.heard[alone]
            times_s = self.ensemble.members[votes[0].place].recognizer.frame_times_s(len(heard.emissions))
            return Heard(heard.emissions, first.statistics, notes, found.unlabelled_s, times_s)
        temperatures, weights = [s.temperature for s in systems], [s.weight for s in systems]
        emissions = fused(found.rows, found.inside, config.kind, temperatures, weights)
        return Heard(emissions, first.statistics, notes, found.unlabelled_s, found.times_s)

    def listen_together(self, recordings: Sequence[Recording]) -> list[Heard]:
        """Return that of the next recordings, one after the other."""
        return [self.listen(recording) for recording in recordings]

    def aligned(self, recording: Recording) -> Aligned:
        """Return what each model makes of the next recording of a session, on one grid."""
        bound = self._bound(recording)
        present = [place for place, one in enumerate(bound) if one is not None]
        heard: list[Heard] = []
        healths, offsets_s = [], []
        notes = list(self._missing(bound))
        for place in present:
            member, one = self.ensemble.members[place], bound[place]
            assert one is not None
            sensor, offset_s = sensor_of(recording, one)
            found = self.readers[place].listen(sensor)
            health, said = _health(member, sensor, self.ensemble.config.back_after_s)
            heard.append(found)
            healths.append(health)
            offsets_s.append(offset_s)
            notes += [note for note in (*said, found.mended) if note and note not in notes]
        grid = self.ensemble.grid_of(present, offsets_s)
        counts = [len(one.emissions) for one in heard]
        frames = grid.frames(counts)
        shape = frames, len(present), len(self.ensemble.tokens)
        rows, inside = np.zeros(shape, np.float32), np.zeros(shape[:2], bool)
        for number, (own, health) in enumerate(zip(heard, healths, strict=True)):
            whole = grid.whole(number, 0, frames, counts[number])
            where, ratio = np.flatnonzero(whole), grid.ratios[number]
            if len(where):
                first, last = grid.rows_of(number, int(where[0]), len(where))
                rows[where, number] = pooled(own.emissions[first:last], ratio)
                well = health.frames(first, last).reshape(-1, ratio).all(1)
                inside[where, number] = well
        inside = answering(inside, np.stack([grid.whole(n, 0, frames, count) for n, count in enumerate(counts)], 1))
        recognizer = self.ensemble.members[present[grid.reference]].recognizer
        times_s = grid.offset_s + recognizer.frame_times_s(frames)
        return Aligned(tuple(present), rows, inside, times_s, tuple(heard), tuple(notes))

    def votes(self, found: Aligned) -> list[Vote]:
        """Return what votes: the models whose sensors work for most of the recording, or all if none does."""
        votes = []
        working = found.inside.mean(0) >= 0.5 if len(found.inside) else np.ones(len(found.places), bool)
        for number, place in enumerate(found.places):
            if working[number] or not working.any():
                member, heard = self.ensemble.members[place], found.heard[number]
                votes.append(Vote.of(place, member, heard.emissions, self.ensemble.config.n_best))
        return votes

    def _bound(self, recording: Recording) -> list[Bound | None]:
        signals = [Signal.of(other.recording) for other in every_sensor(recording)]
        return self.ensemble.bound(signals, f"recording {recording.subject}/{recording.session}")

    def _missing(self, bound: Sequence[Bound | None]) -> Iterator[str]:
        members = self.ensemble.members
        names = {"+".join(member.system.bands) for member, one in zip(members, bound, strict=True) if one is None}
        yield from (f"sensor {name} is missing and is not read" for name in sorted(names))

    def _sensors(self, recordings: Iterable[Recording], place: int) -> Iterator[Recording]:
        for recording in recordings:
            if (one := self._bound(recording)[place]) is not None:
                yield sensor_of(recording, one)[0]


def answering(inside: np.ndarray, has: np.ndarray) -> np.ndarray:
    """Return (F, N) bool: the models that answer each frame.

    Where no sensor works there is nobody to fall back on, and all models that have the frame answer as they do alone.

    Args:
        inside: (F, N) bool, those that have the frame and whose sensor works.
        has: (F, N) bool, those that have the frame.
    """
    return np.where(inside.any(1, keepdims=True), inside, has)


def reader_of(
    recognizer: Recognizer | Ensemble, config: SessionConfig | None = None, before_s: float = 0.0
) -> SessionReader | EnsembleReader:
    """Return what reads recordings of sessions by one model, or by several together."""
    kind = EnsembleReader if isinstance(recognizer, Ensemble) else SessionReader
    return kind(recognizer, config, before_s)  # type: ignore[arg-type]


def _health(member: Member, sensor: Recording, back_after_s: float) -> tuple[Health, list[str]]:
    """Return the health of a recording's sensor, and a line for each time that it was out."""
    name = "+".join(band.name for band in sensor.bands)
    health = Health(member.recognizer, sensor.bands, name, back_after_s)
    said = []
    size = max(1, round(PIECE_S * sensor.rate_hz))
    for first in range(0, sensor.n_samples, size):
        notices = health.feed(np.asarray(sensor.samples[first : first + size], np.float32))
        said += [f"{notice.text} from {notice.time_s:.2f} s on" for notice in notices]
    return health, said
