"""Packets with their device's times or counters in; gap-free chunks out, with notes on what was lost or came twice.

A transport delays samples and never advances them, so the earliest time of a stretch decides where it belongs. A late
packet is no gap; a gap is noted only when all that follows is as late. A clock that runs steadily faster or slower than
the declared rate is followed, and noted. A second of the stream is always as many samples as the declared rate says.
"""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from emgasr.frontend.measured import Measured
from emgasr.sources.source import Chunk, Note

FOLLOW_S = 4.0  # time constant with which a slow clock is followed
JITTER_RUNS, JITTER_SHARE = 64, 0.9  # how much nine in ten of the last runs differ from the one before is jitter
SUSPICIOUS = 4.0  # times the jitter: what is later than this is looked into
LEAST_SAMPLES = 0.75  # no tolerance below this, so that a single lost sample can be seen where times are steady
SETTLE_S = 1.0  # a stream's first packets may be late: until then an earlier one only sets the clock
SLACK_S = 1.0  # what a transport may hold back: a step that is longer than the wait for it is a jump of the clock
HISTORY_S = 2.0  # how far back samples are compared with those that seem to come again
REPLACED_S = 1.0  # values that no amplifier gives are told at once, and then at most this often
DRIFT_S = 0.05  # drift is told when it is this, and each time it has doubled


@dataclass(frozen=True, eq=False)
class Packet:
    """Samples (n, C) as a device delivers them at host time `arrived_s`, with its clock (n,) or sample counter (n,)."""

    samples: np.ndarray
    arrived_s: float
    times_s: np.ndarray | None = None
    counts: np.ndarray | None = None

    def part(self, first: int, last: int | None = None) -> Packet:
        """Samples `first` to `last`."""
        cut = slice(first, last)
        times = None if self.times_s is None else self.times_s[cut]
        return replace(
            self, samples=self.samples[cut], times_s=times, counts=None if self.counts is None else self.counts[cut]
        )


@dataclass(frozen=True)
class TimelineConfig:
    """How a device's clock is read, and what is done about a gap.

    A packet may be late by `tolerance_s` without suspicion (less where times are steady); a suspicion is watched for
    `confirm_s`. Counters start again at `wrap` (0: never). Gaps up to `bridge_s` are filled by "hold" (the last sample)
    or "zero". The `unit` says which values no amplifier gives.
    """

    rate_hz: float
    channels: int
    tolerance_s: float = 0.01
    confirm_s: float = 0.15
    wrap: int = 0
    bridge_s: float = 0.05
    fill: str = "hold"
    unit: str = "counts"


class Timeline:
    """Puts packets on one line of samples; `feed` and `flush` return chunks, `tally` counts samples by kind of note."""

    def __init__(self, config: TimelineConfig) -> None:
        self.config = config
        self.tally: Counter[str] = Counter()
        self.position = 0  # samples from the stream's start, lost ones too
        self.drift_s = 0.0  # how much later the device's clock stands than the declared rate tells
        self._anchor_s: float | None = None  # device time of position 0
        self._count: int | None = None  # the counter's next value
        self._told_drift_s = 0.0
        self._late_before_s = 0.0
        self._jitters_s: deque[float] = deque(maxlen=JITTER_RUNS)
        self._arrived_s: float | None = None
        self._held: list[Packet] = []  # late beyond tolerance, not yet known why
        self._interrupted = False
        self._measured = Measured(config.channels, config.unit)
        self._last = np.zeros(config.channels, np.float32)
        self._history = np.zeros((0, config.channels), np.float32)
        self._history_s = np.zeros(0)
        self._notes: list[Note] = []
        self._replaced = 0  # values that are not told yet
        self._told_replaced_s = -np.inf

    @property
    def time_s(self) -> float:
        """Stream seconds so far."""
        return self.position / self.config.rate_hz

    @property
    def measured_rate_hz(self) -> float:
        """Samples a second of the device's own clock."""
        return self.position / (self.time_s + self.drift_s) if self.position else self.config.rate_hz

    def note(self, kind: str, samples: int, text: str) -> None:
        """Add a note to the next chunk."""
        self.tally[kind] += max(1, samples)
        self._notes.append(Note(kind, self.time_s, samples, text))

    @property
    def untold(self) -> bool:
        """Whether a note waits for the next chunk."""
        return bool(self._notes)

    def interrupt(self) -> None:
        """Expect a device that was opened again: its clock may start anew, and its time away is lost."""
        self._interrupted = True

    def feed(self, packet: Packet) -> list[Chunk]:
        """Place one packet."""
        chunks: list[Chunk] = []
        for run in _runs(packet, 1 / self.config.rate_hz + self._tolerance):
            chunks += self._judge(run)
        return chunks

    def flush(self) -> list[Chunk]:
        """Place what is still watched."""
        chunks: list[Chunk] = []
        while self._held:
            chunks += self._settle_suspicion()
        if self._replaced:
            self._tell_replaced()
            chunks.append(self.empty(self._arrived_s or 0.0))
        return chunks

    def empty(self, arrived_s: float) -> Chunk:
        """A chunk without samples, for notes of a silent source."""
        return self._chunk(np.zeros((0, self.config.channels), np.float32), arrived_s)

    def _judge(self, run: Packet) -> list[Chunk]:
        """Find where a run of samples belongs, and place it or watch it."""
        if self._interrupted:
            self._interrupted = False
            return self.flush() + self._resume(run)
        if self._held:
            self._held.append(run)
            if run.arrived_s - self._held[0].arrived_s < self.config.confirm_s and self._lateness() > self._tolerance:
                return []
            return self._settle_suspicion()
        if run.times_s is not None and self._anchor_s is None:
            self._anchor_s = float(run.times_s[0]) - self.time_s
        if run.counts is not None:
            if self._counter_is_unsure(run):
                self._held.append(run)
                return []
            return self._by_counter(run, 0.0 if run.times_s is None else self._late_s(run, 0))
        if run.times_s is None:
            return self._place(run)
        if len(self._history_s) and run.times_s[0] <= self._history_s[-1] and (again := self._seen(run)):
            return self._repeated(run, again)
        late_s = self._late_s(run, 0)
        if late_s - self._late_before_s > self._tolerance:
            self._held.append(run)
            return []
        self._follow(late_s, len(run.samples))
        return self._place(run)

    @property
    def _tolerance(self) -> float:
        least_s = LEAST_SAMPLES / self.config.rate_hz
        if len(self._jitters_s) < JITTER_RUNS // 4:
            return max(self.config.tolerance_s, least_s)
        jitter_s = sorted(self._jitters_s)[int(JITTER_SHARE * len(self._jitters_s))]
        return max(min(self.config.tolerance_s, SUSPICIOUS * jitter_s), least_s)

    def _late_s(self, run: Packet, ahead: int) -> float:
        """How late the least late sample of a run is that lies `ahead` samples after the line's end."""
        assert run.times_s is not None
        assert self._anchor_s is not None
        due = self._anchor_s + (self.position + ahead + np.arange(len(run.samples))) / self.config.rate_hz
        return float((run.times_s - due).min())

    def _lateness(self) -> float:
        """How much later what is watched is than what came before it."""
        ahead, least = 0, np.inf
        for run in self._held:
            least = min(least, self._late_s(run, ahead))
            ahead += len(run.samples)
        return least - self._late_before_s

    def _settle_suspicion(self) -> list[Chunk]:
        """Either the samples were only late, or some were lost before them, or the clock jumped."""
        late_s, first_s = self._lateness(), self._late_s(self._held[0], 0) - self._late_before_s
        held, self._held = self._held, []
        chunks: list[Chunk] = []
        waited_s = 0.0 if self._arrived_s is None else held[0].arrived_s - self._arrived_s
        if late_s > waited_s + max(SLACK_S, self._tolerance):
            self._jump(late_s)
            late_s = 0.0
        if held[0].counts is not None:
            chunks += self._by_counter(held[0], late_s)
        else:
            if late_s > self._tolerance:
                chunks += self._lost(round(late_s * self.config.rate_hz), held[0].arrived_s)
            else:
                self._jitters_s.append(first_s)
            chunks += self._place(held[0])
        for run in held[1:]:  # a later step among them is judged on its own
            chunks += self._judge(run)
        return chunks

    def _jump(self, by_s: float) -> None:
        assert self._anchor_s is not None
        self._anchor_s += by_s
        self.note("jump", 0, f"the device's clock jumped {by_s:+.3f} s; nothing is known to be lost")

    def _follow(self, late_s: float, samples: int) -> None:
        """Let the line's clock follow the device's: at once to earlier, slowly to later."""
        assert self._anchor_s is not None
        if late_s < -max(self.config.tolerance_s, 1.5 / self.config.rate_hz) and self.time_s > SETTLE_S:
            self._jump(late_s)
            self._late_before_s = 0.0
            return
        step_s = late_s if late_s < 0 else late_s * min(1.0, samples / self.config.rate_hz / FOLLOW_S)
        self._jitters_s.append(abs(late_s - self._late_before_s))
        self._late_before_s = late_s - step_s
        self._anchor_s += step_s
        if self.time_s <= SETTLE_S:
            return
        self.drift_s += step_s
        least_s = max(DRIFT_S, 2 * self.config.tolerance_s, abs(self._told_drift_s))
        if abs(self.drift_s - self._told_drift_s) > least_s:
            self._told_drift_s = self.drift_s
            self.note(
                "drift",
                0,
                f"the device's clock is {1000 * self.drift_s:+.0f} ms off after {self.time_s:.0f} s: it runs at "
                f"{self.measured_rate_hz:.3f} Hz where {self.config.rate_hz:g} Hz is declared",
            )

    def _counter_is_unsure(self, run: Packet) -> bool:
        """A counter that starts again tells a gap only up to its turns: a late packet may hide one."""
        if not self.config.wrap or run.times_s is None or self._count is None:
            return False
        return self._late_s(run, 0) > self.config.wrap / 2 / self.config.rate_hz

    def _by_counter(self, run: Packet, late_s: float) -> list[Chunk]:
        assert run.counts is not None
        if self._count is None:
            self._count = int(run.counts[0])
        step = int(run.counts[0]) - self._count
        if self.config.wrap:
            step %= self.config.wrap
            step += self.config.wrap * round((late_s * self.config.rate_hz - step) / self.config.wrap)
        if step < 0:
            return self._repeated(run, min(-step, len(run.samples)))
        chunks = self._lost(step, run.arrived_s) if step else []
        if run.times_s is not None:
            self._follow(self._late_s(run, 0), len(run.samples))
        self._count = int(run.counts[-1]) + 1
        return chunks + self._place(run)

    def _seen(self, run: Packet) -> int:
        """How many samples at the start of a run were delivered before; the clock alone does not tell."""
        for start in np.flatnonzero((self._history == run.samples[0]).all(axis=1)):
            n = min(len(self._history) - start, len(run.samples))
            known = self._history[start : start + n]
            if not np.array_equal(known, run.samples[:n]):
                continue
            varies = n > 1 and bool(np.ptp(known, axis=0).any())  # an electrode at rest repeats itself all the time
            if varies or np.array_equal(self._history_s[start : start + n], run.times_s[:n]):  # type: ignore[index]
                return n
        return 0

    def _repeated(self, run: Packet, again: int) -> list[Chunk]:
        self.note("repeated", again, f"{again} samples came a second time and are left out")
        if again < len(run.samples):
            return self._judge(run.part(again))
        return [self.empty(run.arrived_s)]

    def _resume(self, run: Packet) -> list[Chunk]:
        """Go on after the device was away, for as long as the host's clock tells."""
        self._count = self._anchor_s = None
        self._late_before_s = 0.0
        self._history, self._history_s = self._history[:0], self._history_s[:0]
        chunks: list[Chunk] = []
        if self._arrived_s is not None:
            away = round((run.arrived_s - self._arrived_s) * self.config.rate_hz) - len(run.samples)
            chunks = self._lost(away, run.arrived_s) if away > 0 else []
        return chunks + self._judge(run)

    def _lost(self, missing: int, arrived_s: float) -> list[Chunk]:
        """Bridge a short gap, declare a long one."""
        if missing <= round(self.config.bridge_s * self.config.rate_hz):
            value = self._last if self.config.fill == "hold" else np.zeros_like(self._last)
            how = "their place holds the last sample" if self.config.fill == "hold" else "their place holds zeros"
            self.note("bridged", missing, f"{missing} samples were lost; {how}")
            return [self._chunk(np.tile(value, (missing, 1)), arrived_s)]
        self.note("gap", missing, f"{missing} samples ({missing / self.config.rate_hz:.3f} s) were lost")
        self._notes.insert(0, self._notes.pop())  # a gap is what a chunk tells first
        self.position += missing
        return []

    def _place(self, run: Packet) -> list[Chunk]:
        keep = round(HISTORY_S * self.config.rate_hz)
        if run.times_s is not None:
            self._history = np.concatenate([self._history, run.samples])[-keep:]
            self._history_s = np.concatenate([self._history_s, run.times_s])[-keep:]
        self._arrived_s = run.arrived_s
        samples = np.asarray(run.samples, np.float32)
        self._watch(samples)
        return [self._chunk(samples, run.arrived_s)]

    def _watch(self, samples: np.ndarray) -> None:
        """Count the values that no amplifier gives; who uses the samples mends them (`emgasr.frontend.measured`)."""
        before = self._measured.count
        mended = self._measured.feed(samples).samples
        self._replaced += self._measured.count - before
        if self._replaced and self.time_s - self._told_replaced_s >= REPLACED_S:
            self._tell_replaced()
        if len(mended):
            self._last = mended[-1].copy()

    def _tell_replaced(self) -> None:
        self.note("replaced", self._replaced, f"{self._replaced} values are none that an amplifier gives")
        self._replaced, self._told_replaced_s = 0, self.time_s

    def _chunk(self, samples: np.ndarray, arrived_s: float) -> Chunk:
        chunk = Chunk(samples, self.time_s, tuple(self._notes), arrived_s)
        self._notes = []
        self.position += len(samples)
        return chunk


def _runs(packet: Packet, longest_step_s: float) -> list[Packet]:
    """Cut a packet where its own clock or counter is not that of one stretch of samples."""
    if not len(packet.samples):
        return []
    if packet.counts is not None:
        cuts = np.flatnonzero(np.diff(packet.counts) != 1)
    elif packet.times_s is not None:
        steps = np.diff(packet.times_s)
        cuts = np.flatnonzero((steps <= 0) | (steps > longest_step_s))
    else:
        return [packet]
    edges = [0, *(cuts + 1).tolist(), len(packet.samples)]
    return [packet.part(first, last) for first, last in pairwise(edges)]
