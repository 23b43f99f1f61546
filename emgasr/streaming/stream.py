"""Samples of a live signal in, a chunk at a time; keys out, partial and then final, with their times: for hours.

    import emgasr

    pipeline = emgasr.load("run/model", lm="english.arpa")
    with pipeline.stream() as stream:
        for chunk in emgasr.open_source("file:typed.hdf5,speed=fast").chunks():
            for event in stream.feed(chunk.samples):
                print(event)
    print(stream.text)

The chunks that samples come in change when keys are shown, and never which ones. Emissions are those of the recording
read at once, unless a rest gate keeps rest out of the running statistics. A search may read otherwise than offline only
because it must finalize keys in time (`OFFLINE` does not).
"""

from __future__ import annotations

import math
import time
from collections import deque
from numbers import Real

import numpy as np
import torch

from emgasr.confidence.model import Confidence
from emgasr.decoding import BeamSearch
from emgasr.decoding.held import Held
from emgasr.errors import ConfigError, DataError
from emgasr.frontend.measured import samples_of
from emgasr.models.listening import NO_KEY
from emgasr.models.recognizer import Recognizer
from emgasr.models.session import entered_s
from emgasr.rescoring.segments import SecondSearch
from emgasr.streaming.activity import Notice, RestLevel, SignalWatch
from emgasr.streaming.decoder import GreedyReader, HeldReader, Reader
from emgasr.streaming.delay import Delay, delay_of, step_frames
from emgasr.streaming.events import Event
from emgasr.streaming.keys import KeyStream
from emgasr.streaming.rules import StreamConfig
from emgasr.streaming.second import SecondReader, finalizing_bound_s
from emgasr.streaming.start import HeldStart, held_start

REST_HOLD_S = 0.3  # after activity in which keys may still come
LEARN_HOLD_S = 1.0  # after activity in which the running normalization still learns


class Stream(KeyStream):
    """One stream of a recognizer: `feed` it samples, and `close` it, as the end of a `with` block does.

    What becomes final at the end of the block, a call of `close` behind it returns.
    """

    def __init__(
        self,
        recognizer: Recognizer,
        search: BeamSearch | SecondSearch | Held | None = None,
        config: StreamConfig | None = None,
        confidence: Confidence | None = None,
        reader: Reader | None = None,
    ) -> None:
        """Open a stream; a `reader` takes its emissions in place of one that reads them by `search`, or greedily."""
        if config is not None and not isinstance(config, StreamConfig):
            raise ConfigError("config", f"is of type {type(config).__name__}", "give a StreamConfig")
        self.config = config = config or StreamConfig()
        if reader is None:
            reader = reader_of(config, search, recognizer.frame_rate_hz, step_frames(recognizer))
        super().__init__(recognizer, reader, config.min_confidence, confidence)
        self.fed_samples = 0
        signal = recognizer.signal
        self._state = recognizer.start()
        self._samples = SignalWatch(signal.bands, signal.rate_hz, recognizer.emission_samples, signal.unit)
        self._start = held_start(recognizer, config.unlabelled_s, config.align_turns)
        self._order: np.ndarray | None = None  # of the electrodes, where rings are turned
        self._entered_frames = 0  # of the running statistics
        self._entering = True  # whether what is read enters them
        self._base_frame, self._base_s = 0, 0.0  # a gap makes times jump
        self._flags: deque[tuple[bool, bool]] = deque()  # of blocks whose emissions are not out: sound, active
        self._learned = np.ones(0, bool)  # of the latest blocks: whether the frames that follow them are learned
        self._blocks = 0  # since the start, or the last gap
        self._learning_left = 0  # blocks for which activity still lets the statistics learn
        self._active_left = 0  # frames that activity still holds the gate open
        self._rest = config.rest
        self._rest_levels: list[np.ndarray] = []  # while rest is being declared

    def feed(self, samples: np.ndarray, rest: bool = False) -> list[Event]:
        """Read on through samples (T, C) in the model's unit; `rest` declares them rest, which sets the gate.

        Whatever the samples hold, the stream goes on. Ctrl-C waits until all is read; the next call then returns the
        events.

        Raises:
            DataError: The samples have another shape or are no numbers, or the stream is closed; it stays as it was.
        """
        started = time.perf_counter()
        samples = self._checked(samples)
        with self._whole():
            if self._start is not None:
                samples = self._start.add(samples, rest)
                if not self._start.missing:
                    self._begin(self._start)
            self._feed(samples, rest)
            self.watch.add(time.perf_counter() - started)
        return self._returned()

    def gap(self, seconds: float) -> list[Event]:
        """Go on after `seconds` without samples: keys so far become final, times jump.

        Raises:
            DataError: `seconds` is no time from 0 on, or the stream is closed.
        """
        self._check_open()
        if isinstance(seconds, bool | np.bool_) or not isinstance(seconds, Real) or not 0 <= seconds < math.inf:
            raise DataError("stream", f"a gap of {seconds!r} s cannot be", "give the seconds that are missing")
        with self._whole():
            if self._start is not None:
                self._start.parts.append(float(seconds))
            else:
                self._skip(float(seconds))
        return self._returned()

    def _begin(self, start: HeldStart) -> None:
        """Read what was held back, by the statistics that it sets; nothing of it enters them twice."""
        self._start, self._entering = None, False
        begun = start.begun()
        self._entered_frames, self._order = begun.frames, begun.order
        self._kept += [Notice(kind, self.time_s, line) for kind, line in begun.notices]
        self._state = self._state.with_statistics(begun.statistics)
        for part in start.parts:
            if isinstance(part, float):
                self._skip(part)
            else:
                self._feed(*part)
        self._entering = True

    def _feed(self, samples: np.ndarray, rest: bool) -> None:
        piece = self.recognizer.piece_frames * self.recognizer.features.hop
        for first in range(0, len(samples), piece):
            self._kept += self._fed(samples[first : first + piece], rest)

    def _skip(self, seconds: float) -> None:
        self._kept.append(Notice("gap", self.time_s, f"{seconds:.3f} s are missing"))
        self._read(self.recognizer.flush(self._state)[0])
        self._reader.end()
        self._kept += self._shown()
        self._base_s = self.time_s + seconds
        self._base_frame = self._reader.frames
        self._state = self.recognizer.start().with_statistics(self.recognizer.next_recording(self._state.statistics))
        self._samples.restart(self._base_s)
        self._flags.clear()
        self._learned, self._blocks = self._learned[:0], 0
        self.fed_samples = 0

    def close(self) -> list[Event]:
        """Read what is left and finalize every key; a second call does nothing."""
        if self.closed or self._broken:
            self.closed = True
            return self._returned()
        with self._whole():
            if self._start is not None:
                self._begin(self._start)
            self._read(self.recognizer.flush(self._state)[0])
            self._reader.end()
            self._kept += self._shown()
            self.closed = True
        return self._returned()

    @property
    def time_s(self) -> float:
        """Stream time of the end of what was fed, in seconds."""
        held_s = self._start.seconds if self._start is not None else 0.0
        return self._base_s + self.fed_samples / self.recognizer.signal.rate_hz + held_s

    @property
    def unlabelled_s(self) -> float:
        """Seconds of the person's signal that have entered the running statistics."""
        return entered_s(self.recognizer, self._entered_frames / self.recognizer.features.frame_rate_hz)

    @property
    def levels(self) -> tuple[float, ...]:
        """The latest level (RMS) of each band."""
        return self._samples.levels

    def delay(self, feed_ms: float) -> Delay:
        """Return the algorithmic delay when fed `feed_ms` at once."""
        return delay_of(self.recognizer, finalizing_bound_s(self._reader, self.config), feed_ms)

    @property
    def mended_values(self) -> int:
        """Values that were filled in."""
        return self._samples.measured.count

    def _token_time_s(self, frame: int) -> float:
        """Return the stream time of an emission, counted from the stream's start."""
        return self._base_s + float(self.recognizer.frame_time_s(frame - self._base_frame))

    def _checked(self, samples: np.ndarray) -> np.ndarray:
        channels = len(self._samples.names)
        self._check_open()
        return samples_of(samples, channels, self.recognizer.signal.unit, "stream")

    def _fed(self, samples: np.ndarray, rest: bool) -> list[Event]:
        samples, blocks, notices = self._samples.feed(samples)
        events: list[Event] = list(notices)
        if rest:
            self._rest_levels.append(blocks.levels)
            self._active_left = self._learning_left = 0
        elif self._rest_levels:
            events += self._set_rest()
        learned = []
        for level, sound in zip(blocks.levels, blocks.sound, strict=True):
            active = not rest and self._active(level)
            self._flags.append((bool(sound) and not rest, active))
            learned.append(self._learning(active))
        weight = self.recognizer.head.weight
        frames = self._learned_frames(np.array(learned, bool), len(samples))
        frames = None if frames is None else frames.to(weight.device)
        self.fed_samples += len(samples)
        fed = torch.from_numpy(samples if self._order is None else samples[:, self._order])[None].to(weight)
        log_probs, _, self._state = self.recognizer.step(fed, None, self._state, learned=frames)
        if log_probs.shape[1]:
            self._read(log_probs)
            events += self._shown()
        return events

    def _active(self, level: np.ndarray) -> bool:
        if self._rest is None or (level > self._rest.levels).any():
            self._active_left = round(REST_HOLD_S * self.recognizer.frame_rate_hz) + 1
        self._active_left = max(0, self._active_left - 1)
        return self._active_left > 0

    def _learning(self, active: bool) -> bool:
        held = round(LEARN_HOLD_S * self.recognizer.frame_rate_hz)
        self._learning_left = held if active else max(0, self._learning_left - 1)
        return self._learning_left > 0

    def _learned_frames(self, blocks: np.ndarray, samples: int) -> torch.Tensor | None:
        """Return which input frames (1, F) that the next `samples` complete are learned; None: all.

        A frame goes by the last block that is complete when it is, so that any chunking gives the same answer.
        """
        features, size = self.recognizer.features, self._samples.block
        known = np.concatenate([self._learned, blocks])
        self._blocks += len(blocks)
        counts = features.lengths(torch.tensor([self.fed_samples, self.fed_samples + samples]))
        frames = np.arange(int(counts[0]), int(counts[1]))
        latest = (frames * features.hop + features.window) // size - 1
        learned = np.ones(len(frames), bool)
        seen = latest >= 0
        learned[seen] = known[latest[seen] - (self._blocks - len(known))]
        learned &= self._entering
        self._entered_frames += int(learned.sum())
        self._learned = known[max(0, len(known) - features.window // size - 2) :]
        return None if learned.all() else torch.from_numpy(learned)[None]

    def _set_rest(self) -> list[Event]:
        levels = np.concatenate(self._rest_levels)
        self._rest_levels = []
        if not len(levels):
            return []
        self._rest = RestLevel.of(levels)
        unit = shown_unit(self.recognizer.signal.unit)
        shown = ", ".join(f"{level:.3g} {unit}" for level in self._rest.levels)
        return [Notice("rest", self.time_s, f"below {shown} is rest")]

    def _read(self, log_probs: torch.Tensor) -> None:
        rows = self.recognizer.probable(log_probs[0].double().cpu().numpy())
        for row in rows:
            sound, active = self._flags.popleft()
            if not sound or not (active or row[0] < math.log(max(self.config.rest_blank, 1e-300))):
                row[:] = NO_KEY
                row[0] = 0.0
        self._reader.read(rows)


def reader_of(
    config: StreamConfig, search: BeamSearch | SecondSearch | Held | None, frame_rate_hz: float, unit: int
) -> Reader:
    """Return what reads emissions live: by a search and the rules, applied each `unit` frames, held, or greedily."""
    if search is None:
        return GreedyReader()
    if isinstance(search, SecondSearch):
        return SecondReader(search)
    return HeldReader(search) if isinstance(search, Held) else config.reader(search, frame_rate_hz, unit)


def shown_unit(unit: str) -> str:
    """Return a signal's unit as people write it."""
    return "µV" if unit == "uV" else unit
