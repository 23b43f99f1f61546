"""The acoustic model: samples of a recording in, emissions (natural-log probabilities of each token per frame) out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.config.parsing import from_mapping, to_mapping, write_yaml
from emgasr.config.typed_data import shown
from emgasr.errors import ConfigError, EmgasrError, ModelError
from emgasr.files.output import replacing
from emgasr.files.plain_data import read_yaml
from emgasr.files.weights import check_kinds, kinds_in, read_weights
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
from emgasr.recording import UNITS, Band, Recording, Signal
from emgasr.runtime.device import device_of
from emgasr.state import join
from emgasr.tokens import Tokens, load_tokens

if TYPE_CHECKING:
    from emgasr.decoding import SearchConfig
    from emgasr.decoding.hotwords import Hotwords
    from emgasr.lm.ngram import NGramModel
    from emgasr.lm.words import WordModel
    from emgasr.streaming.stream import Stream, StreamConfig

FORMAT = 1
NO_KEY = -30.0  # ln of what any key has in a frame that is taken as blank
LARGEST_FRAME = 2**22  # values of one frame of features, over all bands; 1024 electrodes with 4096 bins
LARGEST_HELD = 2**26  # values of the frames or samples that a stream holds back
# What `emgasr tune` puts beside the weights: the search that reads their emissions best, and a picture of others.
SEARCH_NAME, SURFACE_NAME, LIVE_NAME = "search.yaml", "search.png", "live.yaml"
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
        """Emissions as `emissions`, and the running statistics at the end; these may start as an earlier end's.

        Values that no amplifier gives are mended as in a stream: where a block was not measured, a frame is blank.
        """
        self.signal.check(recording)
        weight, state = self.head.weight, self.start()
        measured, lost = Measured(recording.n_channels, recording.unit, self.emission_samples), []
        if heard is not None:
            state = state._replace(normalize=heard)
        piece = self.piece_frames * self.features.hop
        parts = []
        for first in range(0, recording.n_samples, piece):
            last = min(first + piece, recording.n_samples)
            mended = measured.feed(np.asarray(recording.samples[first:last], np.float32))
            lost.append(not_measured(mended.lost))
            log_probs, _, state = self.step(torch.from_numpy(mended.samples)[None].to(weight), state)
            parts.append(log_probs)
        emissions = torch.cat([*parts, self.flush(state)[0]], 1)[0].float().cpu().numpy()
        if measured.passed_over:
            rows = np.flatnonzero(np.concatenate(lost)[: len(emissions)])
            emissions[rows], emissions[rows, 0] = NO_KEY, 0.0
        return Heard(emissions, state.normalize, measured.line(electrode_names(recording), recording.rate_hz))

    def stream(
        self,
        lm: NGramModel | WordModel | None = None,
        search: SearchConfig | None = None,
        config: StreamConfig | None = None,
        hotwords: Hotwords | None = None,
    ) -> Stream:
        """A stream to feed samples: read by beam search if there is a language model or a `search`, else greedily."""
        from emgasr.decoding import BeamSearch
        from emgasr.streaming.stream import Stream

        greedily = lm is None and search is None and hotwords is None
        return Stream(self, None if greedily else BeamSearch(self.tokens, lm, search, hotwords), config)

    def save(self, folder: str | Path, card: str = "") -> None:
        """Write the model folder: model.safetensors, config.yaml, tokens and README.md (the `card`).

        What was tuned for weights that lay there before (search and live rules) is removed.
        """
        folder = Path(folder)
        for name in (SEARCH_NAME, SURFACE_NAME, LIVE_NAME):
            (folder / name).unlink(missing_ok=True)
        weights = {name: value.detach().cpu().contiguous() for name, value in self.state_dict().items()}
        content = {"emgasr_model": FORMAT, **to_mapping(self.signal), **to_mapping(self.config)}
        with replacing(folder / "model.safetensors") as path:
            path.write_bytes(save(weights))  # which tells of a full disk as of any other
        self.tokens.save(folder)
        with replacing(folder / "README.md") as path:
            path.write_text(card or "# emgasr model\n\nNo card was written for this model.\n", encoding="utf-8")
        # The config comes last: a folder without it is refused as unfinished.
        write_yaml(content, folder / "config.yaml")

    @staticmethod
    def load(folder: str | Path, device: str = "cpu") -> Recognizer:
        """Read a model folder; a ModelError if it is missing, damaged, unfinished or of another format.

        What the configuration asks for is compared with the weights before any of it is built. A ConfigError for a
        device that is not there.
        """
        folder = Path(folder)
        place = device_of(device)
        config, signal = _read_config(folder)
        tokens = load_tokens(folder)
        path = folder / "model.safetensors"
        kinds = kinds_in(path)
        try:
            wanted = outline(config, signal, len(tokens)).state_dict()
        except EmgasrError as error:
            raise ModelError(folder / "config.yaml", _cause(error), "copy the model folder again") from error
        check_kinds(path, wanted, kinds)
        recognizer = Recognizer(config, signal, tokens)
        recognizer.load_state_dict(read_weights(path))
        recognizer.origin = str(folder)
        return recognizer.to(place).eval()


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


def _read_config(folder: Path) -> tuple[RecognizerConfig, Signal]:
    path = folder / "config.yaml"
    if not path.is_file():
        raise ModelError(folder, "is not a model folder (no config.yaml)", "give a folder that `emgasr train` wrote")
    content = read_yaml(path, ModelError, "copy the model folder again")
    if not isinstance(content, dict) or content.get("emgasr_model") != FORMAT:
        raise ModelError(path, f"is not an emgasr model of format {FORMAT}", "give a folder that `emgasr train` wrote")
    sections = ("bands", "rate_hz", "unit", "features", "normalize", "encoder")
    if missing := [name for name in sections if content.get(name) is None]:
        raise ModelError(path, f"lacks {missing[0]}", "copy the model folder again")
    try:
        listed = content.pop("bands")
        if not isinstance(listed, list) or not listed:
            raise ConfigError(path, f"bands is {shown(listed)}", "give a list of bands")
        bands = tuple(from_mapping(Band, {}, band, path) for band in listed)
        if len({band.name for band in bands}) < len(bands) or not all(band.electrodes for band in bands):
            raise ConfigError(path, "bands have equal names or no electrodes", "describe each band once")
        told = from_mapping(_ModelFile, KINDS, content, path)
    except EmgasrError as error:
        raise ModelError(path, _cause(error), "was it made by a newer emgasr?") from error
    return RecognizerConfig(told.features, told.normalize, told.encoder), Signal(told.rate_hz, told.unit, bands)


@dataclass(frozen=True)
class _ModelFile(RecognizerConfig):
    """What config.yaml of a model folder holds beside the bands."""

    emgasr_model: Annotated[int, Within(0, 1e6)] = FORMAT
    rate_hz: Annotated[float, Within(0.01, 1e7)] = 0.0
    unit: str = ""

    def __post_init__(self) -> None:
        check_within(self)
        if self.unit not in UNITS:
            raise ConfigError("unit", f"{shown(self.unit)} is unknown", f"choose {' or '.join(UNITS)}")


def _cause(error: EmgasrError) -> str:
    """What is wrong, with the section that it is wrong in where the error names one."""
    return error.wrong if error.where.endswith(".yaml") else f"{error.where}: {error.wrong}"
