"""Live samples of several sensors in, a chunk at a time; the keys that all models read together out.

Each model streams by itself. A frame is read when every model has given its own, or when its sensor is gone. Chunks of
any size give the same keys, and these are those of the recording read at once, as long as no sensor lags by more than
`late_s`.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from emgasr.decoding import BeamSearch
from emgasr.display.wording import listed
from emgasr.errors import ConfigError, DataError
from emgasr.frontend.measured import samples_of
from emgasr.fusion.combine import fused, pooled
from emgasr.fusion.health import Health
from emgasr.fusion.reading import answering
from emgasr.fusion.system import Bound, Ensemble, Member
from emgasr.models.recognizer import Recognizer
from emgasr.recording import Band, Signal, electrode_count
from emgasr.streaming.activity import Notice
from emgasr.streaming.decoder import BeamReader, Reader, Token
from emgasr.streaming.delay import Delay, delay_of, step_frames
from emgasr.streaming.events import Event
from emgasr.streaming.keys import KeyStream
from emgasr.streaming.rules import StreamConfig
from emgasr.streaming.stream import Stream, reader_of


class FusedStream(KeyStream):
    """One stream of several models; `feed` it the samples of each source, and `close` it.

    Args:
        ensemble: the models.
        search: how what they say together is searched; None: greedily.
        config: when keys are shown and finalized. Levels of rest are those of one model and are not used.
        sources: signals of what is fed; None: a source with the bands of all models, where one can have them.

    Raises:
        ConfigError: The fusion is a vote, which needs whole recordings, or the sensors need several sources.
        RecordingError: A source has another rate, unit or number of electrodes than its model.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        search: BeamSearch | None = None,
        config: StreamConfig | None = None,
        sources: Sequence[Signal] | None = None,
    ) -> None:
        if ensemble.config.kind == "rover":
            advice = "fuse the models by --kind geometric or arithmetic"
            raise ConfigError("fusion", "is a vote on whole readings, which no stream has", advice)
        config = config or StreamConfig()
        self.sources = list(sources) if sources is not None else [one_source(ensemble)]
        bound = ensemble.bound(self.sources, "stream")
        places = [place for place, one in enumerate(bound) if one is not None]
        self._grid = ensemble.grid_of(places, [0.0] * len(places))
        lead = ensemble.members[places[self._grid.reference]].recognizer
        self._lead = lead
        super().__init__(
            ensemble, reader_of(config, search, lead.frame_rate_hz, step_frames(lead)), config.min_confidence
        )
        self.config = config
        own = replace(config, rest=None, min_confidence=0.0)
        back_after_s = ensemble.config.back_after_s
        self._models = [_Model(ensemble.members[place], bound[place], own, back_after_s) for place in places]
        missing = dict.fromkeys(
            "+".join(m.system.bands) for m, one in zip(ensemble.members, bound, strict=True) if not one
        )
        self._kept += [Notice("out", 0.0, f"sensor {name} is missing and is not read") for name in missing]
        self._late: set[int] = set()  # sources that lag
        self._gone: set[int] = set()  # sources that have ended
        self._frame = 0  # of the grid, since its start
        self._base_frame, self._base_s = 0, 0.0

    def feed(self, samples: np.ndarray, source: int = 0) -> list[Event]:
        """Read on through samples (T, C) of a source, in its unit.

        Raises:
            DataError: The samples have another shape or are no numbers, or the stream or the source has ended.
        """
        started = time.perf_counter()
        self._check_open()
        if source in self._gone or not 0 <= source < len(self.sources):
            raise DataError("stream", f"source {source} has ended or is none", f"there are {len(self.sources)}")
        signal = self.sources[source]
        samples = samples_of(samples, electrode_count(signal.bands), signal.unit, "stream")
        with self._whole():
            for model in self._of(source):
                self._kept += model.feed(samples)
            self._advance()
            self.watch.add(time.perf_counter() - started)
        return self._returned()

    def gap(self, seconds: float) -> list[Event]:
        """Go on after `seconds` in which no source gave samples: keys so far become final, times jump."""
        self._check_open()
        with self._whole():
            for model in self._models:
                self._kept += model.gap(float(seconds))
            self._drain()
            self._reader.end()
            self._kept += self._shown()
            self._base_s = max(model.stream.time_s for model in self._models)
            self._base_frame, self._frame = self._reader.frames, 0
            for model in self._models:
                model.restart(self._base_s)
        return self._returned()

    def filled(self, seconds: float, source: int) -> list[Event]:
        """Go on after `seconds` in which one source of several gave no samples: they count as not measured.

        The others are read on, so that times do not jump.
        """
        signal = self.sources[source]
        missing = np.full((round(seconds * signal.rate_hz), electrode_count(signal.bands)), np.nan, np.float32)
        notice = Notice("gap", self.time_s, f"{seconds:.3f} s of source {source} are missing")
        return [notice, *self.feed(missing, source)]

    def lost(self, source: int) -> list[Event]:
        """Go on without a source that gives no samples any more; the others answer alone."""
        self._check_open()
        with self._whole():
            self._gone.add(source)
            for model in self._of(source):
                self._kept += model.close()
            names = listed(dict.fromkeys(model.name for model in self._of(source)))
            self._kept.append(Notice("out", self.time_s, f"sensor {names} has ended and is not read"))
            self._advance()
        return self._returned()

    def close(self) -> list[Event]:
        """Read what is left and finalize every key; a second call does nothing."""
        if self.closed or self._broken:
            self.closed = True
            return self._returned()
        with self._whole():
            for model in self._models:
                self._kept += model.close()
            self._drain()
            self._reader.end()
            self._kept += self._shown()
            self.closed = True
        return self._returned()

    @property
    def time_s(self) -> float:
        """Stream time of the end of what was fed, of the source that is farthest."""
        return max(model.stream.time_s for model in self._models)

    @property
    def unlabelled_s(self) -> float:
        """Seconds of the person's signal in the statistics of the model that knows least of them."""
        return min(model.stream.unlabelled_s for model in self._models)

    @property
    def mended_values(self) -> int:
        """Values that were filled in, for all models."""
        return sum(model.stream.mended_values for model in self._models)

    @property
    def levels(self) -> tuple[float, ...]:
        """The latest level (RMS) of each band of each model."""
        return tuple(level for model in self._models for level in model.stream.levels)

    def delay(self, feed_ms: float) -> Delay:
        """Return the algorithmic delay when fed `feed_ms` at once: that of the slowest model."""
        bound_s = self.config.finalize_within_s if isinstance(self._reader, BeamReader) else None
        delays = [delay_of(model.recognizer, bound_s, feed_ms) for model in self._models]
        return max(delays, key=lambda delay: delay.partial_ms[1])

    def _token_time_s(self, frame: int) -> float:
        return self._base_s + self._grid.offset_s + self._lead.frame_time_s(frame - self._base_frame)

    def _of(self, source: int) -> list[_Model]:
        return [model for model in self._models if model.bound.source == source]

    def _advance(self) -> None:
        """Read the frames that all models have given, those whose sensors lag or have ended left out."""
        now = self.time_s
        for source in {model.bound.source for model in self._models} - self._gone:
            lags = now - max(model.stream.time_s for model in self._of(source)) > self.recognizer.config.late_s
            if lags != (source in self._late):
                names = listed(dict.fromkeys(model.name for model in self._of(source)))
                line = "lags and is not read" if lags else "is read again"
                self._kept.append(Notice("out" if lags else "back", now, f"sensor {names} {line}"))
            (self._late.add if lags else self._late.discard)(source)
        waited = [n for n, m in enumerate(self._models) if m.bound.source not in self._late | self._gone]
        if waited:
            ends = [(self._models[n].count - self._grid.firsts[n]) // self._grid.ratios[n] for n in waited]
            self._read_to(min(ends))

    def _drain(self) -> None:
        self._read_to(self._grid.frames([model.count for model in self._models]))

    def _read_to(self, frame: int) -> None:
        frames = frame - self._frame
        if frames <= 0:
            return
        shape = frames, len(self._models), len(self.recognizer.tokens)
        rows, inside, has = np.zeros(shape, np.float32), np.zeros(shape[:2], bool), np.zeros(shape[:2], bool)
        for number, model in enumerate(self._models):
            ratio = self._grid.ratios[number]
            has[:, number] = self._grid.whole(number, self._frame, frames, model.count)
            where = np.flatnonzero(has[:, number])
            if len(where):
                first, last = self._grid.rows_of(number, self._frame + int(where[0]), len(where))
                rows[where, number] = pooled(model.rows(first, last), ratio)
                inside[where, number] = model.health.frames(first, last).reshape(-1, ratio).all(1)
            model.forget(max(0, self._grid.rows_of(number, frame, 0)[0]))
        systems = [model.member.system for model in self._models]
        temperatures, weights = [s.temperature for s in systems], [s.weight for s in systems]
        found = fused(rows, answering(inside, has), self.recognizer.config.kind, temperatures, weights)
        self._frame = frame
        self._reader.read(found.astype(np.float64))
        self._kept += self._shown()


class _Model:
    """One of the models of a stream: its own stream, the emissions that were not read yet, and its sensor's health."""

    def __init__(self, member: Member, bound: Bound | None, config: StreamConfig, back_after_s: float) -> None:
        assert bound is not None
        self.member, self.bound = member, bound
        self.name = "+".join(band.name for band in bound.bands)
        self.health = Health(member.recognizer, bound.bands, self.name, back_after_s)
        self._emissions = _Emissions()
        self.stream = Stream(member.recognizer, None, config, reader=self._emissions)
        self._first = 0  # of the emissions that are kept

    @property
    def recognizer(self) -> Recognizer:
        """The acoustic model."""
        return self.member.recognizer

    @property
    def count(self) -> int:
        """Emissions so far, since the start or the last gap."""
        return self._first + len(self._emissions.kept)

    def feed(self, samples: np.ndarray) -> list[Event]:
        """Read on through samples of the source; return what its sensor's health and its own stream say."""
        own = samples if self.bound.places is None else np.ascontiguousarray(samples[:, list(self.bound.places)])
        said = [replace(e, text=f"{self.name}: {e.text}") for e in self.stream.feed(own) if isinstance(e, Notice)]
        return [*self.health.feed(own), *said]

    def gap(self, seconds: float) -> list[Event]:
        """Give the emissions that are left, and go on after `seconds`."""
        return self.stream.gap(seconds)

    def close(self) -> list[Event]:
        """Give the emissions that are left."""
        return self.stream.close()

    def restart(self, time_s: float) -> None:
        """Count emissions from here on, and times from `time_s`."""
        self._first, self._emissions.kept = 0, self._emissions.kept[:0]
        self.health.restart(time_s)

    def rows(self, first: int, last: int) -> np.ndarray:
        """Return the emissions (last - first, V) from one to another."""
        return self._emissions.kept[first - self._first : last - self._first]

    def forget(self, frame: int) -> None:
        """Keep no emissions before one."""
        gone = min(max(0, frame - self._first), len(self._emissions.kept))
        self._emissions.kept, self._first = self._emissions.kept[gone:], self._first + gone
        self.health.forget(frame)


class _Emissions(Reader):
    """Keeps emissions (F, V) as they come, and reads nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: Any = np.zeros((0, 0), np.float32)

    def read(self, rows: np.ndarray) -> None:
        """Keep more."""
        rows = rows.astype(np.float32)
        self.kept = np.concatenate([self.kept, rows]) if len(self.kept) else rows
        self.frames += len(rows)

    def partial(self) -> list[Token]:
        """Return nothing."""
        return []

    def end(self) -> None:
        """Do nothing."""


def one_source(ensemble: Ensemble) -> Signal:
    """Return the signal of a source with the bands of all models.

    Raises:
        ConfigError: They have different rates or units, so that no source has them all.
    """
    signals = [member.recognizer.signal for member in ensemble.members]
    if len({(signal.rate_hz, signal.unit) for signal in signals}) > 1:
        rates = listed(f"{'+'.join(m.system.bands)} {m.recognizer.signal.rate_hz:g} Hz" for m in ensemble.members)
        raise ConfigError("fusion", f"reads sensors of several rates ({rates})", "give a source for each of them")
    bands: dict[str, Band] = {}
    for member in ensemble.members:
        for name, band in zip(member.system.bands, member.recognizer.signal.bands, strict=True):
            bands.setdefault(name, replace(band, name=name))
    return Signal(signals[0].rate_hz, signals[0].unit, tuple(bands.values()))
