"""Raw samples in, conditioned samples out: drift and mains filtered away, rates lowered; the same live and offline.

Causal second-order sections filter; then the down-sampler's filter looks ahead by `lookahead_s`, so that labels keep
their times. Nothing is ever up-sampled: a higher rate would add no information.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, NamedTuple

import numpy as np
import scipy  # scipy.signal is imported when it is first used: it takes a second, and most verbs do without

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError, RecordingError
from emgasr.files.rows import row_range
from emgasr.frontend.mains import MAINS_HZ, find_mains, harmonics
from emgasr.frontend.measured import Measured, mended
from emgasr.recording import Recording

MAINS = ("none", "50", "60", "auto")
LISTEN_S = 30.0  # of a recording's middle, in which its mains are looked for
REACH = 10  # of the anti-alias filter on each side, in periods of the slower rate (as scipy's resample_poly)


@dataclass(frozen=True)
class ConditioningConfig:
    """The filters of a conditioned signal; 0 leaves a filter out.

    Args:
        highpass_hz: frequencies below this are removed, drift and motion among them.
        lowpass_hz: frequencies above this are removed.
        order: order of the Butterworth high-pass, low-pass or band-pass.
        mains: frequency of the mains: none, 50, 60, or auto (found from the signal).
        notch_q: center frequency over width of each notch, at the mains and all its harmonics.
        rate_hz: rate after down-sampling.
    """

    highpass_hz: Annotated[float, Within(0, 1e6)] = 20.0
    lowpass_hz: Annotated[float, Within(0, 1e6)] = 0.0
    order: Annotated[int, Within(1, 8)] = 2
    mains: str = "auto"
    notch_q: Annotated[float, Within(1, 1000)] = 30.0
    rate_hz: Annotated[float, Within(0, 1e7)] = 0.0

    def __post_init__(self) -> None:
        check_within(self)
        if self.mains not in MAINS:
            raise ConfigError("mains", f"{self.mains!r} is not known", f"choose {', '.join(MAINS)}")
        if self.lowpass_hz and self.highpass_hz >= self.lowpass_hz:
            raise ConfigError("highpass_hz", "is not below lowpass_hz", "nothing would be left")

    def resolved(self, samples: np.ndarray, rate_hz: float) -> ConditioningConfig:
        """Return the same options with mains "auto" replaced by what samples (T, C) show: 50, 60 or none."""
        if self.mains != "auto":
            return self
        found = find_mains(samples, rate_hz)
        return replace(self, mains="none" if found is None else f"{found:.0f}")


class ConditioningState(NamedTuple):
    """The memory between two chunks.

    Args:
        sections: (S, 2, C) state of the filters, None before the first sample.
        tail: (n, C) inputs that the down-sampler still needs.
        tail_start: number of the first input in `tail`.
        made: number of outputs so far.
    """

    sections: np.ndarray | None
    tail: np.ndarray
    tail_start: int
    made: int


class Conditioner:
    """The filters of one configuration at one rate; samples (T, C), float32 or float64, keep their type.

    Before its first sample the signal counts as constant at its first value, so that an offset makes no step.

    Raises:
        RecordingError: the configuration asks for a higher rate than `rate_hz`.
        ConfigError: a filter or the mains lie beyond this rate.
    """

    def __init__(self, config: ConditioningConfig, rate_hz: float) -> None:
        if config.mains == "auto":
            raise ConfigError("mains", "auto needs a signal to find it in", "choose none, 50 or 60")
        self.config = config
        self.input_rate_hz = rate_hz
        self.rate_hz = config.rate_hz or rate_hz
        ratio = _ratio(self.rate_hz, rate_hz)
        self.up, self.down = ratio.numerator, ratio.denominator
        self.sos = _sections(config, rate_hz, self.rate_hz)
        longest = max(self.up, self.down)
        self.half = REACH * longest if longest > 1 else 0
        self.taps = (
            scipy.signal.firwin(2 * self.half + 1, 1.0 / longest, window=("kaiser", 5.0)) * self.up
            if self.half
            else None
        )

    @property
    def lookahead_s(self) -> float:
        """Seconds of signal behind a sample that its output needs."""
        return self.half / (self.input_rate_hz * self.up)

    def whole(self, samples: np.ndarray) -> np.ndarray:
        """Condition a whole signal (T, C) into (⌈T · up / down⌉, C)."""
        out, state = self.step(samples, self.start(samples.shape[1]))
        return np.concatenate([out, self.flush(state).astype(out.dtype)])

    def start(self, channels: int) -> ConditioningState:
        """Return the state before the first sample of `channels` electrodes."""
        return ConditioningState(None, np.zeros((0, channels)), 0, 0)

    def step(self, samples: np.ndarray, state: ConditioningState) -> tuple[np.ndarray, ConditioningState]:
        """Return the output samples that the next samples (T, C), T ≥ 0, complete, and the new state."""
        if not len(samples):
            return samples[:0], state
        values = np.asarray(samples, np.float64)
        sections = state.sections
        if len(self.sos):
            if sections is None:
                sections = scipy.signal.sosfilt_zi(self.sos)[:, :, None] * values[0]
            values, sections = scipy.signal.sosfilt(self.sos, values, axis=0, zi=sections)
        if self.taps is None:
            return values.astype(samples.dtype), state._replace(sections=sections, made=state.made + len(values))
        tail = np.concatenate([state.tail, values])
        newest = state.tail_start + len(tail) - 1
        ready = max(state.made, (newest * self.up - self.half) // self.down + 1)
        out = self._resample(tail, state.tail_start, state.made, ready)
        needed = max(state.tail_start, -(-(ready * self.down - self.half) // self.up))
        state = ConditioningState(sections, tail[needed - state.tail_start :], needed, ready)
        return out.astype(samples.dtype), state

    def flush(self, state: ConditioningState) -> np.ndarray:
        """Return the last output samples, float64, as if zeros followed the end."""
        total = state.tail_start + len(state.tail)
        if self.taps is None or not total:
            return np.zeros((0, state.tail.shape[1]))
        return self._resample(state.tail, state.tail_start, state.made, -(-total * self.up // self.down))

    def _resample(self, tail: np.ndarray, start: int, first: int, last: int) -> np.ndarray:
        """Return outputs first to last of the polyphase filter, from inputs that begin with number `start`."""
        if last <= first:
            return np.zeros((0, tail.shape[1]))
        assert self.taps is not None
        shift = self.half - start * self.up
        pad = -shift % self.down  # zeros before the taps that bring outputs onto the grid of this stretch
        offset = (shift + pad) // self.down
        end = last + offset
        taps = np.concatenate([np.zeros(pad), self.taps])
        short = (end - 1) * self.down + 1 - ((len(tail) - 1) * self.up + len(taps))
        if short > 0:
            taps = np.concatenate([taps, np.zeros(short)])
        return scipy.signal.upfirdn(taps, tail, self.up, self.down, axis=0)[first + offset : end]


def condition(recording: Recording, config: ConditioningConfig) -> Recording:
    """Return the recording, conditioned when it is read; memory is bounded if it is read from start to end."""
    middle_s = recording.duration_s / 2
    start_s, end_s = max(0.0, middle_s - LISTEN_S / 2), min(recording.duration_s, middle_s + LISTEN_S / 2)
    if config.mains == "auto":
        config = config.resolved(mended(recording).read(start_s, end_s), recording.rate_hz)
    conditioner = Conditioner(config, recording.rate_hz)
    total = -(-recording.n_samples * conditioner.up // conditioner.down)
    samples = _Conditioned(recording, conditioner, (total, recording.n_channels))
    return replace(recording, samples=samples, rate_hz=conditioner.rate_hz)


class _Conditioned:
    """Conditioned samples (T, C), computed when they are read; earlier ones than the last read are computed again."""

    BLOCK = 1 << 15

    def __init__(self, recording: Recording, conditioner: Conditioner, shape: tuple[int, int]) -> None:
        self.recording, self.conditioner, self.shape = recording, conditioner, shape
        self._rewind()

    def _rewind(self) -> None:
        self._state = self.conditioner.start(self.shape[1])
        self.measured = Measured(self.shape[1], self.recording.unit)  # a NaN would never leave the filters
        self._made = np.zeros((0, self.shape[1]), np.float32)
        self._made_start = self._read = 0

    def __getitem__(self, rows: slice, /) -> np.ndarray:
        start, stop = row_range(rows, self.shape[0])
        if start < self._made_start:
            self._rewind()
        parts = []
        while self._made_start < stop:
            if not len(self._made):
                self._made = self._next()
            end = self._made_start + len(self._made)
            if end > start:
                parts.append(self._made[max(0, start - self._made_start) : max(0, stop - self._made_start)])
            if end > stop:
                break
            self._made_start, self._made = end, self._made[:0]
        return np.concatenate(parts) if parts else np.zeros((0, self.shape[1]), np.float32)

    def _next(self) -> np.ndarray:
        total = self.recording.n_samples
        out = np.zeros((0, self.shape[1]), np.float32)
        while not len(out) and self._read < total:
            block = np.asarray(self.recording.samples[self._read : min(self._read + self.BLOCK, total)], np.float32)
            block = self.measured.feed(block).samples
            self._read += len(block)
            out, self._state = self.conditioner.step(block, self._state)
            if self._read == total:
                out = np.concatenate([out, self.conditioner.flush(self._state).astype(np.float32)])
        return out


def _ratio(wanted_hz: float, rate_hz: float) -> Fraction:
    if wanted_hz > rate_hz:
        raise RecordingError(
            "conditioning",
            f"cannot raise {rate_hz:g} Hz to {wanted_hz:g} Hz: what was never recorded cannot be made up",
            "use a model made for this rate, or a faster device",
        )
    ratio = Fraction(wanted_hz / rate_hz).limit_denominator(1000)
    if not ratio or abs(float(ratio) * rate_hz - wanted_hz) > 1e-9 * wanted_hz:
        raise ConfigError("rate_hz", f"{wanted_hz:g} is no simple fraction of {rate_hz:g} Hz", "choose another rate")
    return ratio


def _sections(config: ConditioningConfig, rate_hz: float, output_rate_hz: float) -> np.ndarray:
    """Return all filters as second-order sections (S, 6)."""
    nyquist = rate_hz / 2
    for name in ("highpass_hz", "lowpass_hz"):
        if getattr(config, name) >= nyquist:
            limit = f"at {rate_hz:g} Hz it must be below {nyquist:g} Hz"
            raise ConfigError(name, f"{getattr(config, name):g} cannot be", limit)
    parts = [np.zeros((0, 6))]
    if config.highpass_hz and config.lowpass_hz:
        band = (config.highpass_hz, config.lowpass_hz)
        parts.append(scipy.signal.butter(config.order, band, "bandpass", fs=rate_hz, output="sos"))
    elif config.highpass_hz or config.lowpass_hz:
        kind = "highpass" if config.highpass_hz else "lowpass"
        parts.append(
            scipy.signal.butter(config.order, config.highpass_hz or config.lowpass_hz, kind, fs=rate_hz, output="sos")
        )
    if config.mains != "none":
        mains_hz = float(config.mains)
        assert mains_hz in MAINS_HZ
        for hz in harmonics(mains_hz, rate_hz):
            if hz < output_rate_hz / 2:  # above it, the down-sampler removes it anyway
                parts.append(scipy.signal.tf2sos(*scipy.signal.iirnotch(hz, config.notch_q, fs=rate_hz)))
    return np.concatenate(parts)
