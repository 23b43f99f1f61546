"""Samples of muscle signal in, frames of log-spectrogram, band power, spectral covariance or raw samples out.

Frame f covers the samples [f * hop, f * hop + window), with no centre padding, so it is known as soon as its last
sample is. Padding beyond an item's length reaches no valid frame, and frames beyond the length are zero.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError, DataError
from emgasr.state import frame_mask, join, part


@dataclass(frozen=True)
class LogSpectrogramConfig:
    """log10(power + epsilon) of every FFT bin; the defaults are emg2qwerty's 64-sample window every 16 at 2 kHz."""

    kind: Literal["log_spectrogram"] = "log_spectrogram"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 32.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 8.0
    epsilon: Annotated[float, Within(1e-30, 1e6)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


@dataclass(frozen=True)
class BandPowerConfig:
    """log10 of the power summed between each two neighboring edges; the defaults are SplashNet's six bands."""

    kind: Literal["band_power"] = "band_power"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 32.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 8.0
    edges_hz: tuple[Annotated[float, Within(0, 1e6)], ...] = (31.25, 62.5, 125.0, 250.0, 375.0, 687.5, 1000.0)
    epsilon: Annotated[float, Within(1e-30, 1e6)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


@dataclass(frozen=True)
class SpectralCovarianceConfig:
    """Matrix logarithm of the electrodes' covariance in overlapping bands of [low, high] Hz.

    Bands and windows are those of generic-neuromotor-interface's handwriting model; `shrinkage` is the share of the
    mean power mixed into the diagonal, without which narrow bands give singular matrices.
    """

    kind: Literal["spectral_covariance"] = "spectral_covariance"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 80.0
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 20.0
    bands_hz: tuple[tuple[Annotated[float, Within(0, 1e6)], Annotated[float, Within(0, 1e6)]], ...] = (
        (0.0, 50.0),
        (30.0, 100.0),
        (100.0, 225.0),
        (225.0, 375.0),
        (375.0, 700.0),
        (700.0, 1000.0),
    )
    shrinkage: Annotated[float, Within(0, 1)] = 0.1
    epsilon: Annotated[float, Within(1e-30, 1e6)] = 1e-6

    def __post_init__(self) -> None:
        check_within(self, "features")


@dataclass(frozen=True)
class RawSamplesConfig:
    """The samples of each window as they are: the encoder's first layer then learns filters of that length.

    The defaults are strided convolutions of 8 samples at Gaddy & Klein's 689.06 Hz, which give 86.13 frames a second.
    """

    kind: Literal["raw_samples"] = "raw_samples"
    window_ms: Annotated[float, Within(0.001, 1e6)] = 16000 / 689.0625
    hop_ms: Annotated[float, Within(0.001, 1e6)] = 8000 / 689.0625

    def __post_init__(self) -> None:
        check_within(self, "features")


FeaturesConfig = LogSpectrogramConfig | BandPowerConfig | SpectralCovarianceConfig | RawSamplesConfig


LONGEST_WINDOW = 1 << 16  # samples: 32 s at 2 kHz
MOST_CHANNELS = 1 << 14
MOST_BANDS = 1 << 10  # of frequencies
CACHED_VALUES = 1 << 16  # of one item, from which on a CPU is faster at items than at batches


class FeaturesState(NamedTuple):
    """What a stream remembers: the samples from the next frame's first one on."""

    tail: Tensor  # (B, window - 1, C)
    held: Tensor  # (B,): how many of them there are


class Features(nn.Module, ABC):
    """What every front end offers: samples (B, T, C) with lengths (B,) -> frames (B, F, N, E, K) with lengths (B,).

    Channels C run over electrodes within bands. `window` and `hop` are in samples; `bins` is K, `electrodes` is the E
    of the frames, `frame_rate_hz` the frames per second.
    """

    taper: Tensor

    def __init__(self, config: FeaturesConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__()
        if not 0 < bands * electrodes <= MOST_CHANNELS:
            raise ConfigError(
                "features", f"{bands} bands of {electrodes} electrodes", f"at most {MOST_CHANNELS} in all"
            )
        self.rate_hz = rate_hz
        self.window = _whole_samples("window_ms", config.window_ms, rate_hz)
        if self.window > LONGEST_WINDOW:
            wrong = f"window_ms {config.window_ms:g} is {self.window:g} samples, more than {LONGEST_WINDOW:,}"
            raise ConfigError("features", wrong, "give a shorter one")
        self.hop = _whole_samples("hop_ms", config.hop_ms, rate_hz)
        if self.window < 2:
            raise ConfigError("features", f"a window of {self.window} sample has no spectrum", "make window_ms longer")
        if self.hop > self.window:
            wrong = f"hop_ms {config.hop_ms:g} is longer than window_ms {config.window_ms:g}"
            raise ConfigError("features", wrong, "no frame would see the samples between two windows")
        self.bands = bands
        self.input_electrodes = electrodes
        self.electrodes = electrodes
        self.bins = self.window // 2 + 1
        self.epsilon = 1.0 if isinstance(config, RawSamplesConfig) else config.epsilon  # it has no logarithm

    @property
    def frame_rate_hz(self) -> float:
        """Frames per second."""
        return self.rate_hz / self.hop

    def lengths(self, sample_lengths: Tensor) -> Tensor:
        """Number of whole windows in each number of samples."""
        windows = torch.div(sample_lengths - self.window, self.hop, rounding_mode="floor") + 1
        return windows.clamp(min=0)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Frames (B, F, N, E, K) of the samples (B, T, C), and how many of them are valid (B,)."""
        _check_samples(samples, self.bands * self.input_electrodes)
        frame_lengths = self.lengths(lengths)
        if samples.shape[1] < self.window:
            shape = (len(samples), 0, self.bands, self.electrodes, self.bins)
            return samples.new_zeros(shape), frame_lengths
        with torch.autocast(samples.device.type, enabled=False):  # powers span more decades than half precision holds
            samples = samples if samples.dtype == torch.float64 else samples.float()
            return self._by_parts(samples, frame_lengths), frame_lengths

    def start(self, batch: int, dtype: torch.dtype = torch.float32) -> FeaturesState:
        """The state of `batch` streams that have seen nothing."""
        device = next(self.buffers()).device
        channels = self.bands * self.input_electrodes
        tail = torch.zeros(batch, self.window - 1, channels, dtype=dtype, device=device)
        return FeaturesState(tail, torch.zeros(batch, dtype=torch.long, device=device))

    def step(self, samples: Tensor, lengths: Tensor, state: FeaturesState) -> tuple[Tensor, Tensor, FeaturesState]:
        """Frames (B, F, N, E, K), and how many, that are whole with the next `lengths` (B,) of samples (B, T, C)."""
        _check_samples(samples, self.bands * self.input_electrodes)
        samples, held = join(state.tail, state.held, samples, lengths)
        frames, frame_lengths = self(samples, held)
        used = frame_lengths * self.hop
        return frames, frame_lengths, FeaturesState(part(samples, used, self.window - 1), held - used)

    def _by_parts(self, samples: Tensor, lengths: Tensor) -> Tensor:
        """`whole`, zero beyond `lengths` (B,); on a CPU an item at a time where a batch does not fit its cache."""
        if samples.device.type != "cpu" or len(samples) < 2 or samples[0].numel() < CACHED_VALUES:
            frames = self.whole(samples)
            valid = frame_mask(lengths, frames.shape[1])
            if valid.device.type == "cpu" and bool(valid.all()):
                return frames
            return frames.masked_fill(~valid[:, :, None, None, None], 0.0)
        first = self.whole(samples[:1])
        kind = np.float64 if first.dtype == torch.float64 else np.float32
        frames = torch.from_numpy(np.empty((len(samples), *first.shape[1:]), kind))  # NumPy takes large pages
        for row, length in enumerate(lengths.tolist()):
            frames[row] = first[0] if row == 0 else self.whole(samples[row : row + 1])[0]
            frames[row, length:] = 0.0
        return frames

    @abstractmethod
    def whole(self, samples: Tensor) -> Tensor:
        """Frames (B, F, N, E, K) of samples (B, T, C) of at least one window, all of them taken as valid."""

    def power(self, samples: Tensor) -> Tensor:
        """Power spectrum (B, F, N, E, K) normalized by the window's energy, as emg2qwerty's."""
        spectrum = self.spectrum(samples)
        return (spectrum.real.square() + spectrum.imag.square()).unflatten(2, (self.bands, self.input_electrodes))

    def spectrum(self, samples: Tensor) -> Tensor:
        """Spectrum (B, F, C, window / 2 + 1) of samples (B, T, C), complex, normalized by the window's energy."""
        taper = self.taper / self.taper.square().sum().sqrt()
        frames = samples.transpose(1, 2).contiguous().unfold(2, self.window, self.hop).transpose(1, 2)
        # Laid out as the frames are: what follows runs over memory in its order.
        return torch.fft.rfft(frames.clone(memory_format=torch.contiguous_format).mul_(taper))

    def _add_spectrum(self) -> None:
        # It follows from the configuration, so that a checkpoint need not hold it.
        self.register_buffer("taper", torch.hann_window(self.window), persistent=False)


class LogSpectrogram(Features):
    """Logarithm of the power in every FFT bin: K = window / 2 + 1."""

    def __init__(self, config: LogSpectrogramConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self._add_spectrum()

    def whole(self, samples: Tensor) -> Tensor:
        """log10(power + epsilon), (B, F, N, E, K)."""
        return (self.power(samples) + self.epsilon).log10()


class BandPower(Features):
    """Logarithm of the power summed over the FFT bins with low <= f < high (the last band holds its upper edge too)."""

    members: Tensor

    def __init__(self, config: BandPowerConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        edges = config.edges_hz
        if len(edges) > MOST_BANDS:
            raise ConfigError("features", f"{len(edges)} edges_hz", f"give at most {MOST_BANDS}")
        if len(edges) < 2 or any(low >= high for low, high in itertools.pairwise(edges)):
            raise ConfigError("features", f"edges_hz {edges} do not rise", "give two or more rising frequencies")
        ranges = list(itertools.pairwise(edges))
        members = _members(ranges, self.window, rate_hz)
        members[:, :-1] *= _frequencies(self.window, rate_hz)[:, None] < torch.tensor(edges[1:-1])
        _check_members(members, ranges)
        self.register_buffer("members", members, persistent=False)
        self.bins = len(ranges)
        self._add_spectrum()

    def whole(self, samples: Tensor) -> Tensor:
        """log10(power summed over a band + epsilon), (B, F, N, E, K)."""
        return (self.power(samples) @ self.members.to(samples.dtype) + self.epsilon).log10()


class SpectralCovariance(Features):
    """Upper triangle of the matrix logarithm of the electrodes' covariance per frequency band.

    E of the frames is 1 and K = bands_hz * E (E + 1) / 2 (6 * 136 = 816 for 16 electrodes). Off-diagonal entries are
    scaled by sqrt(2), so that Euclidean distance between frames is the log-Euclidean one between matrices.
    """

    rows: Tensor
    columns: Tensor
    scale: Tensor

    def __init__(self, config: SpectralCovarianceConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        if len(config.bands_hz) > MOST_BANDS or electrodes > MOST_BANDS:
            wrong = f"{len(config.bands_hz)} bands_hz of {electrodes} electrodes"
            raise ConfigError("features", wrong, f"give at most {MOST_BANDS} of each")
        if not config.bands_hz or any(low >= high for low, high in config.bands_hz):
            raise ConfigError("features", f"bands_hz {config.bands_hz} are not (low, high) pairs", "give low < high")
        self.shrinkage = config.shrinkage
        members = _members(config.bands_hz, self.window, rate_hz)
        _check_members(members, config.bands_hz)
        self.slices = [slice(int(column.nonzero()[0]), int(column.nonzero()[-1]) + 1) for column in members.T]
        rows, columns = torch.triu_indices(electrodes, electrodes)
        self.register_buffer("rows", rows, persistent=False)
        self.register_buffer("columns", columns, persistent=False)
        self.register_buffer("scale", torch.where(rows == columns, 1.0, math.sqrt(2.0)), persistent=False)
        self.electrodes = 1
        self.bins = len(config.bands_hz) * len(rows)
        self._add_spectrum()

    def whole(self, samples: Tensor) -> Tensor:
        """Matrix logarithms (B, F, N, 1, K) with K running over the triangle's entries within bands."""
        parts = torch.view_as_real(self.spectrum(samples)).unflatten(
            2, (self.bands, self.input_electrodes)
        )  # (B, F, N, E, bins, 2)
        logarithm = self._logarithm(torch.stack([_covariance(parts[..., bins, :]) for bins in self.slices], 3))
        upper = logarithm[..., self.rows, self.columns] * self.scale.to(samples.dtype)
        return upper.flatten(-2).unsqueeze(-2)

    def _logarithm(self, covariance: Tensor) -> Tensor:
        mean_power = covariance.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
        identity = torch.eye(covariance.shape[-1], dtype=covariance.dtype, device=covariance.device)
        regular = (1 - self.shrinkage) * covariance + (self.shrinkage * mean_power + self.epsilon) * identity
        values, vectors = torch.linalg.eigh(regular)
        logs = values.clamp(min=self.epsilon / 2).log()
        return (vectors * logs.unsqueeze(-2)) @ vectors.transpose(-1, -2)


class RawSamples(Features):
    """The samples of each window, oldest first: K = window."""

    def __init__(self, config: RawSamplesConfig, rate_hz: float, bands: int, electrodes: int) -> None:
        super().__init__(config, rate_hz, bands, electrodes)
        self.bins = self.window
        self.register_buffer("device_of", torch.zeros(0), persistent=False)  # tells where streams begin

    def whole(self, samples: Tensor) -> Tensor:
        """Windows (B, F, N, E, K) of samples (B, T, C)."""
        return samples.unfold(1, self.window, self.hop).unflatten(2, (self.bands, self.input_electrodes))


def _covariance(parts: Tensor) -> Tensor:
    flat = parts.flatten(-2)  # the real part of X X^H is the product of real and imaginary parts side by side
    return flat @ flat.transpose(-1, -2) / parts.shape[-2]


def build_features(config: FeaturesConfig, rate_hz: float, bands: int, electrodes: int) -> Features:
    """The front end that `config` describes, for `bands` bands of `electrodes` electrodes sampled at `rate_hz`.

    Raises ConfigError where the configuration does not fit the rate.
    """
    if isinstance(config, LogSpectrogramConfig):
        return LogSpectrogram(config, rate_hz, bands, electrodes)
    if isinstance(config, BandPowerConfig):
        return BandPower(config, rate_hz, bands, electrodes)
    if isinstance(config, RawSamplesConfig):
        return RawSamples(config, rate_hz, bands, electrodes)
    return SpectralCovariance(config, rate_hz, bands, electrodes)


def _whole_samples(name: str, duration_ms: float, rate_hz: float) -> int:
    samples = duration_ms * rate_hz / 1000
    if not math.isfinite(samples) or round(samples) < 1 or abs(samples - round(samples)) > 1e-6:
        raise ConfigError(
            "features",
            f"{name} {duration_ms:g} is {samples:g} samples at {rate_hz:g} Hz",
            f"choose a positive multiple of {1000 / rate_hz:g} ms",
        )
    return round(samples)


def _check_samples(samples: Tensor, channels: int) -> None:
    if samples.dim() != 3 or samples.shape[2] != channels:
        raise DataError(
            "features", f"samples of shape {tuple(samples.shape)}", f"this model takes (B, T, {channels} channels)"
        )


def _frequencies(window: int, rate_hz: float) -> Tensor:
    return torch.arange(window // 2 + 1, dtype=torch.float64) * rate_hz / window


def _members(
    ranges_hz: list[tuple[float, float]] | tuple[tuple[float, float], ...], window: int, rate_hz: float
) -> Tensor:
    frequencies = _frequencies(window, rate_hz)[:, None]
    low, high = torch.tensor(ranges_hz, dtype=torch.float64).T
    if float(high.max()) > rate_hz / 2:
        raise ConfigError(
            "features",
            f"a band ends at {float(high.max()):g} Hz, above half the rate",
            f"stay below {rate_hz / 2:g} Hz",
        )
    return ((frequencies >= low) & (frequencies <= high)).float()


def _check_members(members: Tensor, ranges_hz: list[tuple[float, float]] | tuple[tuple[float, float], ...]) -> None:
    for count, (low, high) in zip(members.sum(0).tolist(), ranges_hz, strict=True):
        if count == 0:
            raise ConfigError(
                "features",
                f"no FFT bin lies between {low:g} and {high:g} Hz",
                "widen the band or make window_ms longer",
            )
