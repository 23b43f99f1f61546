"""A tokenizer and recordings in; the tokens of their contractions, with what was passed over and why, out.

Recordings of one person, session and layout are normalized together, by the statistics of all of their frames. Where a
contraction begins and ends depends on nothing later than its end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from emgasr.errors import EmgasrError
from emgasr.frontend.features.shared_axis import SharedAxis
from emgasr.frontend.features.spectrum import floor_of
from emgasr.frontend.normalize import RunningNormalize
from emgasr.models.encoder import FrameShape
from emgasr.models.mixers import AnyMixer
from emgasr.pretraining.events import Event, EventFinder
from emgasr.pretraining.tokens.tokenizer import EventTokenizer, TokenizerFile, frames_of
from emgasr.recording import Recording, Signal, Spans
from emgasr.streaming.activity import RestLevel
from emgasr.training.presets import Facts

PIECE_VALUES = 1 << 22  # of the samples that are read at once


@dataclass(frozen=True)
class Token:
    """A contraction: from when to when (seconds), which of the codebook's shapes it has, and its loudest level.

    Args:
        start_s: where it begins.
        end_s: where it ends.
        code: number of its shape.
        energy_db: its loudest level over that of rest.
        label: of the labelled span that it shares most time with; "" if there is none.
    """

    start_s: float
    end_s: float
    code: int
    energy_db: float
    label: str = ""


@dataclass(frozen=True)
class Found:
    """What a recording's contractions are.

    Args:
        tokens: in order.
        short: contractions that were too short, or shorter than a frame, and passed over.
        none: why there is no token; "" where there is one.
    """

    tokens: tuple[Token, ...] = ()
    short: int = 0
    none: str = ""


def tokenize(
    tokenizer: EventTokenizer, config: TokenizerFile, recordings: Sequence[Recording], rest_s: float = 0.0
) -> list[Found]:
    """Return the tokens of recordings, of any people and layouts, in their order.

    Args:
        tokenizer: as `load_tokenizer` returns it.
        config: its configuration.
        recordings: with finite samples (`emgasr.frontend.measured.mended`).
        rest_s: seconds at the start of each recording that are rest; 0: nobody says, and the quietest time is.
    """
    sessions: dict[tuple[str, str, Signal], list[int]] = {}
    for number, recording in enumerate(recordings):
        sessions.setdefault((recording.subject, recording.session, Signal.of(recording)), []).append(number)
    found: dict[int, Found] = {}
    for numbers in sessions.values():
        own = [recordings[number] for number in numbers]
        try:
            found |= zip(numbers, _Session(tokenizer, config, own).tokenized(rest_s), strict=True)
        except EmgasrError as error:  # of the layout: each of these recordings has it
            found |= dict.fromkeys(numbers, Found(none=f"{error.where}: {error.wrong}"))
    return [found[number] for number in range(len(recordings))]


class _Session:
    """The front end of the recordings of one person, session and layout, with the statistics of them all."""

    def __init__(self, tokenizer: EventTokenizer, config: TokenizerFile, recordings: Sequence[Recording]) -> None:
        self.tokenizer, self.config, self.recordings = tokenizer, config, recordings
        signal = Signal.of(recordings[0])
        own = replace(config.features, epsilon=floor_of(Facts.of(recordings).power))
        rings = tuple(band.ring for band in signal.bands)
        self.features = SharedAxis(own, signal.rate_hz, len(signal.bands), signal.electrodes)
        shape = (len(signal.bands), signal.electrodes, self.features.bins)
        # Of the mixer what every layout has is used, which has no weights.
        self.mixer = AnyMixer(FrameShape(*shape, rings, self.features.present(rings)), 1, 1, 1).eval()
        kind = "fixed" if config.normalize.fitted else config.normalize.kind
        self.normalize = RunningNormalize(replace(config.normalize, kind=kind), self.features.frame_rate_hz, shape)

    @torch.inference_mode()
    def tokenized(self, rest_s: float) -> Iterator[Found]:
        """Yield the tokens of each recording."""
        frames = [self._frames(recording) for recording in self.recordings]
        if self.normalize.config.fitted and any(one.shape[1] for one in frames):
            self.normalize.fit((one, _length(one)) for one in frames)
        for recording, own in zip(self.recordings, frames, strict=True):
            image = self.mixer.image(self.normalize(own, _length(own))[0])
            yield self._tokens(recording, image, rest_s)

    def _tokens(self, recording: Recording, image: Tensor, rest_s: float) -> Found:
        events, finder = self._events(recording, rest_s)
        group = self.config.frames_averaged
        count = image.shape[1] // group
        image = image[:, : count * group].unflatten(1, (count, group)).mean(2)
        starts = torch.tensor([event.start_s for event in events], dtype=torch.float64)
        ends = torch.tensor([event.end_s for event in events], dtype=torch.float64)
        first, last = frames_of(starts, ends, torch.tensor(count), self.features.frame_rate_hz / group)
        rows = (first < last).nonzero()[:, 0]
        short = finder.short + len(events) - len(rows)
        if not len(rows):
            return Found((), short, self._none(recording, finder, short))
        shapes = self.tokenizer.shapes(image, torch.zeros_like(rows), first[rows], last[rows])
        codes = self.tokenizer(shapes).codes.tolist()
        chosen = [events[row] for row in rows.tolist()]
        tokens = (
            Token(one.start_s, one.end_s, code, one.energy_db, _label(recording.spans, one))
            for one, code in zip(chosen, codes, strict=True)
        )
        return Found(tuple(tokens), short)

    def _events(self, recording: Recording, rest_s: float) -> tuple[list[Event], EventFinder]:
        config, bands, rate_hz, unit = self.config.events, recording.bands, recording.rate_hz, recording.unit
        rest = None
        if rest_s:
            heard = recording.read(0.0, min(rest_s, recording.duration_s))
            block = EventFinder(config, bands, rate_hz, unit).block
            rest = RestLevel.of_samples(heard, bands, rate_hz, block, unit)
        finder = EventFinder(config, bands, rate_hz, unit, rest)
        found = [event for samples in _pieces(recording) for event in finder.feed(samples)]
        return [*found, *finder.finish()], finder

    def _none(self, recording: Recording, finder: EventFinder, short: int) -> str:
        """Return why a recording has no token."""
        listen_s, lasts = self.config.events.listen_s, f"lasts {recording.duration_s:.1f} s"
        if finder.rest is None and recording.duration_s < listen_s:
            return f"{lasts}, less than the {listen_s:g} s from which the level of rest is known"
        if short:
            return "its contractions are too short"
        if finder.rest is not None:
            return "it is never louder than rest"
        return f"no rest is known from contractions: its median level is {finder.quietest_db:.1f} dB over its quietest"

    def _frames(self, recording: Recording) -> Tensor:
        """Return the frames (1, F, N, E, K) of a recording, read piece by piece."""
        state = self.features.start(1, torch.float32, torch.device("cpu"))
        mean = torch.from_numpy(recording.read(0.0, min(recording.duration_s, 60.0))).double().mean(0).float()
        parts = []
        for samples in _pieces(recording):
            heard = torch.from_numpy(samples)[None] - mean
            frames, _, state = self.features.step(heard, _length(heard), state)
            parts.append(frames)
        return torch.cat(parts, 1) if parts else self.features.flush(state)[0]


def _pieces(recording: Recording) -> Iterator[np.ndarray]:
    size = max(1, PIECE_VALUES // recording.n_channels)
    for first in range(0, recording.n_samples, size):
        yield recording.samples[first : min(first + size, recording.n_samples)]


def _length(frames: Tensor) -> Tensor:
    return torch.tensor([frames.shape[1]])


def _label(spans: Spans, event: Event) -> str:
    """Return the label of the span that an event shares most time with; "rest" of rest, "" of no span."""
    shared: dict[str, float] = {}
    inside = spans.clip(event.start_s, event.end_s)
    for start_s, end_s, kind, text in zip(inside.start_s, inside.end_s, inside.kinds, inside.texts, strict=True):
        if kind != "prompt":
            label = "rest" if kind == "rest" else text
            shared[label] = shared.get(label, 0.0) + float(end_s - start_s)
    return max(shared, key=lambda label: shared[label], default="")
