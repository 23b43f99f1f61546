"""The acoustic model: samples of a recording in, emissions (natural-log probabilities of each token per frame) out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from emgasr.errors import ConfigError, ModelError
from emgasr.frontend.features import (
    BandPowerConfig,
    Features,
    FeaturesConfig,
    FeaturesState,
    LogSpectrogramConfig,
    RawSamplesConfig,
    SpectralCovarianceConfig,
    build_features,
)
from emgasr.frontend.measured import Measured, electrode_names, not_measured
from emgasr.frontend.normalize import NormalizeConfig, NormalizeState, RunningNormalize
from emgasr.models.conformer import ConformerConfig, ConformerEncoder, ConformerState
from emgasr.models.linear import LinearConfig, LinearEncoder, LinearState
from emgasr.models.tds import TDSConfig, TDSEncoder, TDSState
from emgasr.recording import Recording, Signal
from emgasr.state import chosen, join
from emgasr.tokens import Tokens

NO_KEY = -30.0  # ln of what any key has in a frame that is taken as blank
LARGEST_FRAME = 2**22  # values of one frame of features, over all bands; 1024 electrodes with 4096 bins
LARGEST_HELD = 2**26  # values of the frames or samples that a stream holds back
EncoderConfig = ConformerConfig | TDSConfig | LinearConfig
KINDS: dict[str, dict[str, type]] = {
    "features": {
        "log_spectrogram": LogSpectrogramConfig,
        "band_power": BandPowerConfig,
        "spectral_covariance": SpectralCovarianceConfig,
        "raw_samples": RawSamplesConfig,
    },
    "encoder": {"conformer": ConformerConfig, "tds": TDSConfig, "linear": LinearConfig},
}
ENCODERS: dict[type, Any] = {ConformerConfig: ConformerEncoder, TDSConfig: TDSEncoder, LinearConfig: LinearEncoder}


@dataclass(frozen=True)
class RecognizerConfig:
    """What turns samples into hidden frames: features, their normalization, the encoder."""

    features: FeaturesConfig = field(default_factory=LogSpectrogramConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    encoder: EncoderConfig = field(default_factory=ConformerConfig)


class RecognizerState(NamedTuple):
    """What streams remember between two chunks: tensors of a fixed size, the streams' batch first."""

    features: FeaturesState
    normalize: NormalizeState
    encoder: ConformerState | TDSState | LinearState


class Heard(NamedTuple):
    """A whole recording's emissions (F, V) float32, the running statistics at its end, and what was mended in it."""

    emissions: np.ndarray
    normalize: NormalizeState
    mended: str  # a line for people; empty: nothing


class Recognizer(nn.Module):
    """Features, encoder and CTC head: samples (B, T, C) to log-probabilities (B, F, V), blank at id 0."""

    piece_frames = 2048  # input frames encoded at once when a whole recording is read: bounds the memory

    def __init__(self, config: RecognizerConfig, signal: Signal, tokens: Tokens) -> None:
        super().__init__()
        if isinstance(config.encoder, TDSConfig) and config.encoder.padding != "causal":
            # Its first output frames are missing, so that times of emissions would be wrong.
            advice = 'choose "causal": the same weights give the same frames, and the first ones too'
            raise ConfigError("encoder.padding", f"{config.encoder.padding!r} leaves emissions out", advice)
        self.config = config
        self.signal = signal
        self.tokens = tokens
        self.origin = "the model"  # what errors call it
        self.features = _front_end(config, signal)
        self.normalize, self.encoder, self.head = _network(config, signal, self.features, len(tokens))

    @property
    def frame_rate_hz(self) -> float:
        """Emissions a second."""
        return float(self.features.frame_rate_hz / self.encoder.stride)

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.parameters())

    def frame_times_s(self, frames: int) -> np.ndarray:
        """(F,) seconds from the start of the recording to the newest sample that each emission is made for."""
        return self._newest_sample(np.arange(frames)) / self.signal.rate_hz

    def frame_time_s(self, frame: int) -> float:
        """The same of one emission."""
        return float(self._newest_sample(np.array(frame)) / self.signal.rate_hz)

    def _newest_sample(self, frame: np.ndarray) -> np.ndarray:
        return ((frame + 1) * self.encoder.stride - 1) * self.features.hop + self.features.window

    def hidden(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Feature frames (B, F, N, E, K) to hidden frames (B, F', D) and lengths."""
        return self.encoder(self.normalize(frames, lengths), lengths)

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Hidden frames (B, F, D) to natural-log probabilities (B, F, V), in float32 or better."""
        logits = self.head(hidden)
        return torch.log_softmax(logits.float() if logits.dtype != torch.float64 else logits, dim=-1)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        hidden, lengths = self.hidden(*self.features(samples, lengths))
        return self._without_first(self.log_probs(hidden), None), lengths

    def start(self, batch: int = 1) -> RecognizerState:
        """The state of `batch` streams that have seen nothing; the model is put into evaluation mode."""
        self.eval()
        weight = self.head.weight
        normalize = self.normalize.start(batch, weight.dtype)
        normalize = NormalizeState(*(field.to(weight.device) for field in normalize))
        frames = weight.new_zeros(batch, 0, *self.normalize.shape)
        with torch.inference_mode():
            return RecognizerState(self.features.start(batch, weight.dtype), normalize, self.encoder.start(frames))

    @torch.inference_mode()
    def step(
        self, samples: Tensor, state: RecognizerState, lengths: Tensor | None = None, learned: Tensor | None = None
    ) -> tuple[Tensor, Tensor, RecognizerState]:
        """Log-probabilities (B, F, V) that the next samples (B, T, C) make ready, how many (B,), and the new state.

        Any chunking gives those of `forward`. The streams of a batch may be at different points (`held.gathered`, as
        those of streams that began at different times), and get different `lengths` (B,) of samples; None: all.
        `learned` (B, F) says which of the input frames that these samples complete enter the running statistics;
        None: all, as in `forward`.
        """
        if lengths is None:
            lengths = torch.full((len(samples),), samples.shape[1], device=samples.device)
        frames, lengths, features = self.features.step(samples, lengths, state.features)
        frames, lengths, normalize = self.normalize.step(frames, lengths, state.normalize, learned)
        hidden, lengths, encoder = self.encoder.step(frames, lengths, state.encoder)
        log_probs = self._without_first(self.log_probs(hidden), state.encoder)
        return log_probs, lengths, RecognizerState(features, normalize, encoder)

    @torch.inference_mode()
    def flush(self, state: RecognizerState) -> tuple[Tensor, Tensor]:
        """The log-probabilities (B, F, V) that are left when streams end, and how many (B,)."""
        hidden, lengths, encoder = self.encoder.step(*self.normalize.flush(state.normalize), state.encoder)
        last, last_lengths = self.encoder.flush(encoder)
        log_probs = self.log_probs(join(hidden, lengths, last, last_lengths)[0])
        return self._without_first(log_probs, state.encoder), lengths + last_lengths

    def _without_first(self, log_probs: Tensor, state: ConformerState | TDSState | LinearState | None) -> Tensor:
        """The log-probabilities with blanks for certain in place of frames that the encoder leaves out."""
        if not isinstance(self.encoder, TDSEncoder) or isinstance(state, ConformerState | LinearState):
            return log_probs
        left_out = self.encoder.left_out(log_probs.shape[1], state)
        if left_out is None:
            return log_probs
        blank = log_probs.new_full((log_probs.shape[2],), -torch.inf)
        blank[0] = 0.0
        return torch.where(left_out.to(log_probs.device)[..., None], blank, log_probs)

    @property
    def emission_samples(self) -> int:
        """Samples from one emission to the next."""
        return self.features.hop * self.encoder.stride

    def emissions(self, recording: Recording) -> np.ndarray:
        """(F, V) natural-log probabilities of a whole recording, float32, in memory bounded whatever its length.

        Raises a RecordingError for another rate, unit or number of electrodes, and a ModelError where the weights carry
        beyond what numbers can hold: then there are no probabilities.
        """
        return self.probable(self.listen(recording).emissions)

    def probable(self, emissions: np.ndarray) -> np.ndarray:
        """Return emissions (F, V) as they are; a ModelError for NaN, which only weights can have made."""
        if np.isnan(emissions).any():
            frame = int(np.isnan(emissions).any(1).argmax())
            raise ModelError(self.origin, f"gives NaN at frame {frame}, no probabilities", "its weights are damaged")
        return emissions

    def listen(self, recording: Recording, heard: NormalizeState | None = None) -> Heard:
        """Return emissions as `emissions`, and the running statistics at the end; these may start as an earlier end's.

        Values that no amplifier gives are mended as in a stream: where a block was not measured, a frame is blank.
        """
        return self.listen_together([recording], heard)[0]

    def listen_together(self, recordings: Sequence[Recording], heard: NormalizeState | None = None) -> list[Heard]:
        """Return what `listen` returns of each recording; they share the forward passes, whatever their lengths.

        Emissions equal those of `listen` within the rounding of float32: the order of sums depends on the batch.
        Memory is bounded by a piece of each recording. `heard` holds the statistics of all of them.
        """
        for recording in recordings:
            self.signal.check(recording)
        weight, state = self.head.weight, self.start(len(recordings))
        if heard is not None:
            state = state._replace(normalize=heard)
        going = [_Listening(recording, self.emission_samples) for recording in recordings]
        found: dict[_Listening, Heard] = {}
        everyone, piece = list(going), self.piece_frames * self.features.hop
        for first in itertools.count(0, piece):
            ended = [place for place, one in enumerate(going) if first >= one.recording.n_samples]
            if ended:
                last = chosen(state, ended)
                log_probs, counts = self.flush(last)
                for row, place in enumerate(ended):
                    one = going[place]
                    one.parts.append(log_probs[row, : int(counts[row])])
                    found[one] = one.heard(chosen(last.normalize, [row]))
                on = [place for place in range(len(going)) if place not in ended]
                state, going = chosen(state, on), [going[place] for place in on]
            if not going:
                return [found[one] for one in everyone]
            samples = [one.samples(first, piece) for one in going]
            lengths = torch.tensor([len(part) for part in samples], device=weight.device)
            batch = nn.utils.rnn.pad_sequence([torch.from_numpy(part) for part in samples], batch_first=True)
            log_probs, counts, state = self.step(batch.to(weight), state, lengths)
            for row, one in enumerate(going):
                one.parts.append(log_probs[row, : int(counts[row])])
        raise AssertionError  # `count` has no end


@dataclass(eq=False)
class _Listening:
    """One of the recordings that are listened to together: its samples, mended, and its emissions so far."""

    recording: Recording
    block: int
    parts: list[Tensor] = field(default_factory=list)  # (F, V) each
    lost: list[np.ndarray] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.measured = Measured(self.recording.n_channels, self.recording.unit, self.block)

    def samples(self, first: int, count: int) -> np.ndarray:
        """Return the next samples (T, C), mended."""
        last = min(first + count, self.recording.n_samples)
        mended = self.measured.feed(np.asarray(self.recording.samples[first:last], np.float32))
        self.lost.append(not_measured(mended.lost))
        return mended.samples

    def heard(self, normalize: NormalizeState) -> Heard:
        """Return the emissions, blank where nothing was measured."""
        emissions = torch.cat(self.parts).float().cpu().numpy()
        if self.measured.passed_over:
            rows = np.flatnonzero(np.concatenate(self.lost)[: len(emissions)])
            emissions[rows], emissions[rows, 0] = NO_KEY, 0.0
        names = electrode_names(self.recording)
        return Heard(emissions, normalize, self.measured.line(names, self.recording.rate_hz))


def _front_end(config: RecognizerConfig, signal: Signal) -> Features:
    """The features of a model; a ConfigError where its streams would hold more than there is memory for."""
    features = build_features(config.features, signal.rate_hz, len(signal.bands), signal.electrodes)
    frame = len(signal.bands) * features.electrodes * features.bins
    chunk = getattr(config.encoder, "chunk_frames", 1) * getattr(config.encoder, "subsampling", 1)
    held = frame * (config.normalize.warmup_frames + chunk + getattr(config.encoder, "context_frames", 1))
    if frame > LARGEST_FRAME or max(held, features.window * len(signal.bands) * signal.electrodes) > LARGEST_HELD:
        wrong = f"frames of {frame:,} values, of which {held // frame:,} are held, do not fit a stream"
        raise ConfigError("features", wrong, "take fewer bins or electrodes, or a shorter warm-up")
    return features


def outline(config: RecognizerConfig, signal: Signal, vocabulary: int) -> nn.ModuleDict:
    """The parts of a recognizer that have weights, by their names in it: shapes without memory (device "meta").

    What strangers' files ask for is compared with the weights by this, before any of it is built. Raises a ConfigError.
    """
    features = _front_end(config, signal)
    try:
        with torch.device("meta"):
            parts = _network(config, signal, features, vocabulary)
    except (RuntimeError, ArithmeticError, TypeError, ValueError) as error:  # sizes beyond 64 bits
        raise ConfigError("encoder", f"describes no network ({str(error).splitlines()[0][:80]})", "mend it") from error
    return nn.ModuleDict(dict(zip(("normalize", "encoder", "head"), parts, strict=True)))


def _network(
    config: RecognizerConfig, signal: Signal, features: Features, vocabulary: int
) -> tuple[RunningNormalize, Any, nn.Linear]:
    """Normalization, encoder and head, on torch's default device."""
    bands = len(signal.bands)
    normalize = RunningNormalize(config.normalize, features.frame_rate_hz, (bands, features.electrodes, features.bins))
    encoder = ENCODERS[type(config.encoder)](config.encoder, bands, features.electrodes, features.bins)
    return normalize, encoder, nn.Linear(encoder.width, vocabulary)
