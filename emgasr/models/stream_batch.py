"""Samples of several streams in, the emissions of each out: streams share every step, and begin and end by themselves.

The acoustic step is pure: fixed shapes, tensors alone, nothing read on the host, so that it can be compiled or exported
and run on any device. `StreamBatch` is the bookkeeping around it. Decoding is no part of it: each stream reads its own
emissions.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import torch
from torch import Tensor, nn

from emgasr.errors import DataError
from emgasr.models.recognizer import Recognizer, RecognizerState
from emgasr.state import replace_streams, select_streams, update_streams


class Step(Protocol):
    """The shared step: `AcousticStep`, or what a compiler or an exporter made of it."""

    def __call__(self, samples: Tensor, ready: Tensor, state: RecognizerState, /) -> tuple[Tensor, RecognizerState]: ...


class AcousticStep(nn.Module):
    """One chunk of samples of each stream in, its emissions out; what `torch.compile` and `torch.export` take.

    Streams must be aligned as `Recognizer.advance` describes. Streams that are not ready keep their state, and their
    emissions mean nothing.

    Shapes: samples (B, chunk_samples, C); ready (B,) bool; learned (B, chunk_frames * stride) bool, the input frames
        that enter the running statistics, None: all; log-probabilities (B, chunk_frames, V).
    """

    def __init__(self, recognizer: Recognizer) -> None:
        super().__init__()
        self.recognizer = recognizer.eval()

    def forward(
        self, samples: Tensor, ready: Tensor, state: RecognizerState, learned: Tensor | None = None
    ) -> tuple[Tensor, RecognizerState]:
        log_probs, new = self.recognizer.advance(samples, state, learned)
        return log_probs, update_streams(ready, new, state)


class StreamBatch:
    """Up to `slots` streams of one recognizer that share its steps.

    Each stream reads its first samples alone, up to the first whole chunk behind the warm-up of the normalization.
    From there on it takes part in the shared step whenever it has a whole chunk of samples.

    Args:
        slots: streams that can be open at once; the shared step always computes that many.
        step: the shared step, for example a compiled `AcousticStep`; None: `AcousticStep` itself.
    """

    def __init__(self, recognizer: Recognizer, slots: int, step: Step | None = None) -> None:
        self.recognizer = recognizer
        self.slots = slots
        self.step = step or AcousticStep(recognizer)
        self._state = recognizer.start(slots)
        self._beginning: dict[int, tuple[RecognizerState, int]] = {}  # state, samples until the stream is aligned
        self._waiting: dict[int, Tensor] = {}  # samples (T, C) that make no whole chunk yet

    def open(self) -> int:
        """Begin a stream and return its number; a DataError if all slots are taken."""
        free = [slot for slot in range(self.slots) if slot not in self._waiting]
        if not free:
            raise DataError("streams", f"all {self.slots} slots are taken", "close a stream, or make more slots")
        model = self.recognizer
        frames = model.encoder.chunk_frames * model.encoder.stride
        chunks = -(-model.config.normalize.held_frames // frames)
        self._beginning[free[0]] = model.start(), model.features.lead + chunks * model.chunk_samples
        self._waiting[free[0]] = model.head.weight.new_zeros(0, model.features.bands * model.features.input_electrodes)
        return free[0]

    @torch.inference_mode()
    def feed(self, samples: Mapping[int, Tensor]) -> dict[int, Tensor]:
        """Return the emissions (F, V) that the next samples (T, C) of some streams complete, by stream."""
        found: dict[int, list[Tensor]] = {stream: [self._no_emissions()] for stream in samples}
        for stream, new in samples.items():
            self._waiting[stream] = torch.cat([self._waiting[stream], new.to(self._waiting[stream])])
            if stream in self._beginning:
                found[stream].append(self._begin(stream))
        size = self.recognizer.chunk_samples
        while ready := [stream for stream in samples if len(self._waiting[stream]) >= size and self._aligned(stream)]:
            channels = self._waiting[ready[0]].shape[1]
            chunk = self._waiting[ready[0]].new_zeros(self.slots, size, channels)
            for stream in ready:
                chunk[stream], self._waiting[stream] = self._waiting[stream].tensor_split([size])
            mask = torch.zeros(self.slots, dtype=torch.bool)
            mask[ready] = True
            log_probs, self._state = self.step(chunk, mask.to(chunk.device), self._state)
            for stream in ready:
                found[stream].append(log_probs[stream])
        return {stream: torch.cat(parts) for stream, parts in found.items()}

    @torch.inference_mode()
    def close(self, stream: int) -> Tensor:
        """End a stream, free its slot, and return the emissions (F, V) that were left."""
        beginning = self._beginning.pop(stream, None)
        state = beginning[0] if beginning else select_streams(self._state, [stream])
        log_probs, _, state = self.recognizer.step(self._waiting.pop(stream)[None], None, state)
        return torch.cat([log_probs[0], self.recognizer.flush(state)[0][0]])

    def _aligned(self, stream: int) -> bool:
        return stream not in self._beginning

    def _begin(self, stream: int) -> Tensor:
        """Read the first samples of a stream alone; once it is aligned, its state moves into the shared one."""
        state, missing = self._beginning[stream]
        first, self._waiting[stream] = self._waiting[stream].tensor_split([missing])
        log_probs, _, state = self.recognizer.step(first[None], None, state)
        if len(first) < missing:
            self._beginning[stream] = state, missing - len(first)
        else:
            del self._beginning[stream]
            self._state = replace_streams(self._state, [stream], state)
        return log_probs[0]

    def _no_emissions(self) -> Tensor:
        return self.recognizer.head.weight.new_zeros(0, len(self.recognizer.tokens))
