"""The acoustic model: samples of a recording in, emissions (natural-log probabilities of each token per frame) out."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from emgasr.errors import ConfigError, ModelError
from emgasr.frontend.electrodes import Profile
from emgasr.frontend.features import (
    FEATURES,
    Features,
    FeaturesConfig,
    FeaturesState,
    LogSpectrogramConfig,
    build_features,
)
from emgasr.frontend.normalize import NormalizeConfig, NormalizeState, RunningNormalize
from emgasr.frontend.normalize_hidden import HiddenNormalize, HiddenState, Statistics
from emgasr.models.conformer import ConformerConfig
from emgasr.models.encoder import Encoded, Encoder, EncoderConfig, FrameShape
from emgasr.models.encoders.queries import NearestHead
from emgasr.models.listening import Heard, Listening
from emgasr.models.registry import ENCODERS, build_encoder, build_head
from emgasr.recording import Recording, Signal
from emgasr.state import join, select_streams
from emgasr.tokens import Tokens

LARGEST_FRAME = 2**22  # values of one frame of features, over all bands; 1024 electrodes with 4096 bins
LARGEST_HELD = 2**26  # values of the frames or samples that a stream holds back
KINDS: dict[str, dict[str, type]] = {
    "features": {name: kind.config for name, kind in FEATURES.items()},
    "encoder": {name: kind.config for name, kind in ENCODERS.items()},
}


@dataclass(frozen=True)
class RecognizerConfig:
    """The parts that turn samples into hidden frames.

    Args:
        features: what a frame holds of the samples that it covers.
        normalize: the statistics that normalize frames.
        encoder: the network that reads normalized frames.
        normalize_hidden: the statistics that normalize hidden frames; kind none, fixed or adaptive.
        head: how hidden frames become scores of symbols: by a linear layer, or by likeness to an embedding of each.
    """

    features: FeaturesConfig = field(default_factory=LogSpectrogramConfig)
    normalize: NormalizeConfig = field(default_factory=NormalizeConfig)
    encoder: EncoderConfig = field(default_factory=ConformerConfig)
    normalize_hidden: NormalizeConfig = field(default_factory=lambda: NormalizeConfig("none"))
    head: Literal["linear", "nearest"] = "linear"


class RecognizerState(NamedTuple):
    """The memory of streams between two chunks: tensors of fixed shapes, the batch of streams first.

    Args:
        encoder: the state of this kind of encoder.
        hidden: that of the normalization of hidden frames; empty where there is none.
        emitted: (B,) number of emissions so far, counted up to the encoder's `silent_frames`.
    """

    features: FeaturesState
    normalize: NormalizeState
    encoder: Any
    hidden: HiddenState | tuple[()]
    emitted: Tensor

    @property
    def statistics(self) -> Statistics:
        """The statistics of the session."""
        return Statistics(self.normalize, self.hidden.statistics if isinstance(self.hidden, HiddenState) else ())

    def with_statistics(self, known: Statistics) -> RecognizerState:
        """Return the state of streams that begin with these statistics."""
        state = self._replace(normalize=known.frames)
        if isinstance(self.hidden, HiddenState) and isinstance(known.hidden, NormalizeState):
            state = state._replace(hidden=self.hidden._replace(statistics=known.hidden))
        return state


class Recognizer(nn.Module):
    """Features, encoder and CTC head: samples (B, T, C) to log-probabilities (B, F, V), blank at id 0.

    Raises:
        ConfigError: the parts do not fit together, do not fit a stream's memory, or cannot be streamed.
    """

    piece_frames = 2048  # input frames encoded at once when a whole recording is read: bounds the memory

    def __init__(self, config: RecognizerConfig, signal: Signal, tokens: Tokens) -> None:
        super().__init__()
        self.config = config
        self.signal = signal
        self.tokens = tokens
        self.origin = "the model"  # what errors call it
        self.template: Profile | None = None  # of the electrodes of the training people, where the folder has it
        self.features = _front_end(config, signal)
        self.normalize, self.encoder, self.normalize_hidden, self.head = _network(
            config, signal, self.features, len(tokens)
        )
        self.encoder.start(0, torch.float32, torch.device("cpu"))  # refuses an encoder that cannot be streamed

    @property
    def frame_rate_hz(self) -> float:
        """Emissions a second."""
        return float(self.features.frame_rate_hz / self.encoder.stride)

    @property
    def parameter_count(self) -> int:
        """Number of trained parameters."""
        return sum(p.numel() for p in self.parameters())

    @property
    def kind(self) -> str:
        """What the encoder is, in a word."""
        return self.config.encoder.kind

    @property
    def normalization(self) -> str:
        """How feature frames are normalized, in a word."""
        return self.config.normalize.kind

    @property
    def running(self) -> bool:
        """Whether a session's own signal sets statistics, of feature frames or of hidden ones."""
        return self.config.normalize.running or self.normalize_hidden.running

    def frame_times_s(self, frames: int) -> np.ndarray:
        """Return (F,) seconds from the recording's start to the newest sample of each emission."""
        return self._newest_sample(np.arange(frames)) / self.signal.rate_hz

    def frame_time_s(self, frame: int) -> float:
        """Return the seconds from the recording's start to the newest sample of one emission."""
        return float(self._newest_sample(np.array(frame)) / self.signal.rate_hz)

    def _newest_sample(self, frame: np.ndarray) -> np.ndarray:
        return ((frame + 1) * self.encoder.stride - 1) * self.features.hop + self.features.window

    def hidden(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Normalize and encode feature frames (B, F, N, E, K) into hidden frames (B, F', D)."""
        return self.encoded(*self.normalize(frames, lengths))

    def encoded(self, frames: Tensor, lengths: Tensor) -> Encoded:
        """Encode normalized frames (B, F, N, E, K) into hidden frames (B, F', D), themselves normalized."""
        encoded = self.encoder(frames, lengths)
        normalized = [
            self.normalize_hidden(hidden, encoded.lengths) for hidden in (encoded.hidden, *encoded.intermediate)
        ]
        return Encoded(normalized[0], encoded.lengths, tuple(normalized[1:]))

    def log_probs(self, hidden: Tensor) -> Tensor:
        """Return natural-log probabilities (B, F, V) for hidden frames (B, F, D), in float32 or better."""
        logits = self.head(hidden)
        return torch.log_softmax(logits.float() if logits.dtype != torch.float64 else logits, dim=-1)

    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities (B, F, V) of samples (B, T, C), and how many of them are valid (B,)."""
        hidden, lengths, _ = self.hidden(*self.features(samples, lengths))
        log_probs = self.log_probs(hidden)
        return log_probs if self.training else self._silenced(log_probs, torch.zeros_like(lengths)), lengths

    def start(
        self, batch: int = 1, dtype: torch.dtype | None = None, device: torch.device | None = None
    ) -> RecognizerState:
        """Return the state of `batch` streams that have received nothing, and put the model into evaluation mode.

        `dtype` and `device` are those of the weights where they are left out.
        """
        self.eval()
        dtype, device = dtype or self.head.weight.dtype, device or self.head.weight.device
        with torch.inference_mode():
            return RecognizerState(
                self.features.start(batch, dtype, device),
                self.normalize.start(batch, dtype, device),
                self.encoder.start(batch, dtype, device),
                self.normalize_hidden.start(batch, dtype, device),
                torch.zeros(batch, dtype=torch.long, device=device),
            )

    @torch.inference_mode()
    def step(
        self, samples: Tensor, lengths: Tensor | None, state: RecognizerState, learned: Tensor | None = None
    ) -> tuple[Tensor, Tensor, RecognizerState]:
        """Return the log-probabilities (B, F, V) that the next samples complete, their lengths (B,), the new state.

        Args:
            samples: (B, T, C) of streams that may stand at different points (`emgasr.state.merge_streams`).
            lengths: (B,) number of valid samples; None: all.
            learned: (B, F) bool, which of the input frames that these samples complete enter the running statistics;
                None: all, as in `forward`.
        """
        if lengths is None:
            lengths = torch.full((len(samples),), samples.shape[1], device=samples.device)
        frames, lengths, features = self.features.step(samples, lengths, state.features)
        frames, lengths, normalize = self.normalize.step(frames, lengths, state.normalize, learned)
        counts = lengths
        hidden, lengths, encoder = self.encoder.step(frames, counts, state.encoder)
        hidden, settled = self.normalize_hidden.step(hidden, lengths, state.hidden, (learned, counts))
        log_probs = self._silenced(self.log_probs(hidden), state.emitted)
        return log_probs, lengths, RecognizerState(features, normalize, encoder, settled, self._emitted(state, lengths))

    @torch.inference_mode()
    def flush(self, state: RecognizerState) -> tuple[Tensor, Tensor]:
        """Return the log-probabilities (B, F, V) that are left when streams end, and their lengths (B,)."""
        hidden, lengths, encoder = self.encoder.step(*self.normalize.flush(state.normalize), state.encoder)
        hidden, lengths = join(hidden, lengths, *self.encoder.flush(encoder))
        log_probs = self.log_probs(self.normalize_hidden.flush(hidden, lengths, state.hidden))
        return self._silenced(log_probs, state.emitted), lengths

    def advance(
        self, samples: Tensor, state: RecognizerState, learned: Tensor | None = None
    ) -> tuple[Tensor, RecognizerState]:
        """Return the log-probabilities (B, n * chunk_frames, V) of n chunks, and the new state; `learned` as in `step`.

        Pure tensors of fixed shapes: nothing is read on the host (`emgasr.models.stream_batch` does the bookkeeping).

        Args:
            samples: (B, n * chunk_samples, C) of streams that are aligned: after their first `lead` samples and any
                number of whole chunks, the warm-up of the normalization among them.
        """
        frames, features = self.features.advance(samples, state.features)
        frames, normalize = self.normalize.advance(frames, state.normalize, learned)
        hidden, encoder = self.encoder.advance(frames, state.encoder)
        hidden, settled = self.normalize_hidden.advance(hidden, state.hidden, learned)
        log_probs = self._silenced(self.log_probs(hidden), state.emitted)
        emitted = self._emitted(state, log_probs.shape[1])
        return log_probs, RecognizerState(features, normalize, encoder, settled, emitted)

    def _emitted(self, state: RecognizerState, lengths: Tensor | int) -> Tensor:
        return (state.emitted + lengths).clamp(max=self.encoder.silent_frames)

    def _silenced(self, log_probs: Tensor, emitted: Tensor) -> Tensor:
        """Write certain blanks over the encoder's silent frames, given the emissions (B,) before these."""
        if not self.encoder.silent_frames:
            return log_probs
        place = emitted[:, None] + torch.arange(log_probs.shape[1], device=log_probs.device)
        blank = log_probs.new_full((log_probs.shape[2],), -torch.inf)
        blank[0] = 0.0
        return torch.where((place < self.encoder.silent_frames)[..., None], blank, log_probs)

    def next_recording(self, known: Statistics) -> Statistics:
        """Return the statistics that the next recording of a session begins with, given those at the end of one."""
        return known._replace(frames=self.normalize.next_recording(known.frames))

    @property
    def chunk_samples(self) -> int:
        """Samples of one chunk of emissions."""
        return self.encoder.chunk_frames * self.emission_samples

    @property
    def emission_samples(self) -> int:
        """Samples from one emission to the next."""
        return self.features.hop * self.encoder.stride

    def emissions(self, recording: Recording) -> np.ndarray:
        """Return (F, V) natural-log probabilities of a whole recording, float32, in bounded memory.

        Raises:
            RecordingError: another rate, unit or number of electrodes.
            ModelError: the weights give NaN in place of probabilities.
        """
        return self.probable(self.listen(recording).emissions)

    def probable(self, emissions: np.ndarray) -> np.ndarray:
        """Return emissions (F, V) as they are; a ModelError for NaN, which only damaged weights give."""
        if np.isnan(emissions).any():
            frame = int(np.isnan(emissions).any(1).argmax())
            raise ModelError(self.origin, f"gives NaN at frame {frame}, no probabilities", "its weights are damaged")
        return emissions

    def listen(self, recording: Recording, heard: Statistics | None = None, entered: int = 0) -> Heard:
        """Return the emissions of a whole recording, as `emissions`, with the running statistics at its end.

        Values that no amplifier gives are mended as in a stream: where a block was not measured, the frame is blank.

        Args:
            heard: statistics to start with (`next_recording`).
            entered: number of its first input frames that are in `heard` already, and enter it no second time.
        """
        return self.listen_together([recording], heard, [entered])[0]

    def listen_together(
        self, recordings: Sequence[Recording], heard: Statistics | None = None, entered: Sequence[int] = ()
    ) -> list[Heard]:
        """Return what `listen` returns of each recording; they share the forward passes, whatever their lengths.

        Emissions equal those of `listen` within the rounding of float32: the order of sums depends on the batch.
        Memory is bounded by a piece of each recording. `heard` holds the statistics of all of them, and `entered` a
        number for each.
        """
        for recording in recordings:
            self.signal.check(recording)
        weight, state = self.head.weight, self.start(len(recordings))
        if heard is not None:
            state = state.with_statistics(heard)
        counts_in = entered or [0] * len(recordings)
        going = [Listening(one, self.emission_samples, count) for one, count in zip(recordings, counts_in, strict=True)]
        found: dict[Listening, Heard] = {}
        everyone, piece = list(going), self.piece_frames * self.features.hop
        for first in itertools.count(0, piece):
            ended = [place for place, one in enumerate(going) if first >= one.recording.n_samples]
            if ended:
                last = select_streams(state, ended)
                log_probs, counts = self.flush(last)
                for row, place in enumerate(ended):
                    one = going[place]
                    one.parts.append(log_probs[row, : int(counts[row])])
                    found[one] = one.heard(select_streams(last.statistics, [row]))
                on = [place for place in range(len(going)) if place not in ended]
                state, going = select_streams(state, on), [going[place] for place in on]
            if not going:
                return [found[one] for one in everyone]
            samples = [one.samples(first, piece) for one in going]
            lengths = torch.tensor([len(part) for part in samples], device=weight.device)
            batch = nn.utils.rnn.pad_sequence([torch.from_numpy(part) for part in samples], batch_first=True)
            learned = self._learned(first, batch.shape[1], [one.entered for one in going])
            log_probs, counts, state = self.step(batch.to(weight), lengths, state, learned)
            for row, one in enumerate(going):
                one.parts.append(log_probs[row, : int(counts[row])])
        raise AssertionError  # `count` has no end

    def _learned(self, first: int, count: int, entered: Sequence[int]) -> Tensor | None:
        """Return which input frames (B, F) that samples [first, first + count) complete enter the statistics.

        None: all.
        """
        before, after = self.features.lengths(torch.tensor([first, first + count])).tolist()
        if max(entered) <= before:
            return None
        return (torch.arange(before, after) >= torch.tensor(entered)[:, None]).to(self.head.weight.device)


def _front_end(config: RecognizerConfig, signal: Signal) -> Features:
    """Build the features of a model; a ConfigError if its streams would hold more than fits the memory."""
    features = build_features(config.features, signal.rate_hz, len(signal.bands), signal.electrodes)
    frame = len(signal.bands) * features.electrodes * features.bins
    held = frame * (config.normalize.warmup_frames + config.encoder.held_frames + 1)
    if frame > LARGEST_FRAME or max(held, features.window * len(signal.bands) * signal.electrodes) > LARGEST_HELD:
        wrong = f"frames of {frame:,} values, of which {held // frame:,} are held, do not fit a stream"
        raise ConfigError("features", wrong, "take fewer bins or electrodes, or a shorter warm-up")
    return features


def outline(config: RecognizerConfig, signal: Signal, vocabulary: int) -> nn.ModuleDict:
    """Build the parts of a recognizer that have weights, by their names in it, without memory (device "meta").

    Before a stranger's configuration is built in memory, its weights are compared with these shapes.

    Raises:
        ConfigError: the configuration describes no network.
    """
    features = _front_end(config, signal)
    try:
        with torch.device("meta"):
            parts = _network(config, signal, features, vocabulary)
    except (RuntimeError, ArithmeticError, TypeError, ValueError) as error:  # sizes beyond 64 bits
        raise ConfigError("encoder", f"describes no network ({str(error).splitlines()[0][:80]})", "mend it") from error
    names = ("normalize", "encoder", "normalize_hidden", "head")
    return nn.ModuleDict(dict(zip(names, cast(tuple[nn.Module, ...], parts), strict=True)))


def _network(
    config: RecognizerConfig, signal: Signal, features: Features, vocabulary: int
) -> tuple[RunningNormalize, Encoder, HiddenNormalize, nn.Linear | NearestHead]:
    """Build normalizations, encoder and head on torch's default device."""
    bands = len(signal.bands)
    if config.normalize.held_frames and config.normalize_hidden.kind != "none":
        wrong = f"normalizes hidden frames, and normalize.kind {config.normalize.kind} has a warm-up"
        raise ConfigError("normalize_hidden", wrong, "choose normalize.kind adaptive, fixed or none")
    normalize = RunningNormalize(config.normalize, features.frame_rate_hz, (bands, features.electrodes, features.bins))
    rings = tuple(band.ring for band in signal.bands)
    shape = FrameShape(bands, features.electrodes, features.bins, rings, features.present(rings), features.angles)
    encoder = build_encoder(config.encoder, shape)
    if encoder.lookahead_frames >= encoder.chunk_frames * encoder.stride and config.normalize_hidden.kind != "none":
        raise ConfigError("normalize_hidden", "needs an encoder that looks no further than its chunk", "choose none")
    rate_hz, sizes = features.frame_rate_hz / encoder.stride, (encoder.width, encoder.stride, encoder.chunk_frames)
    hidden = HiddenNormalize(config.normalize_hidden, rate_hz, *sizes)
    return normalize, encoder, hidden, build_head(config.head, config.encoder, encoder.width, vocabulary)
