"""Frames in, frames with zero mean and unit variance out, by causal statistics that a stream can keep.

Statistics are kept for each band, electrode and bin. The one exception to causality is the warm-up: its frames share
their joint statistics, so that a stream holds them back until the warm-up is full (or until `flush`).
The recordings of a session share one warm-up: one that ends within it is read by what there is (`next_recording`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError, DataError
from emgasr.state import frame_mask, join, merge_streams, part, same, select_streams

MUTED_VARIANCE = 1e12  # of values that are not to be heard: what is divided by its root is 0 beside all others
_BLOCK_FRAMES = 256  # running sums restart this often: rounding stays small and forgetting factors stay representable


@dataclass(frozen=True)
class NormalizeConfig:
    """How frames are normalized; the defaults are SplashNet's (125 frames are one second at 125 Hz).

    Args:
        kind: the statistics that normalize. none: none. cumulative: those of all frames so far. warmup: those of the
            first `warmup_frames`. exponential: those of all frames so far, the older the lighter. fixed: those of the
            training set. adaptive: those of the training set first, and more and more those of the stream.
        warmup_frames: frames that share their joint statistics at the start (cumulative, warmup, exponential).
        half_life_s: time in which the weight of a frame halves (exponential).
        prior_s: seconds for which the training set's statistics count (adaptive).
        epsilon: added to the variance inside the root.
    """

    kind: Literal["none", "cumulative", "warmup", "exponential", "fixed", "adaptive"] = "cumulative"
    warmup_frames: Annotated[int, Within(1, 1e7)] = 125
    half_life_s: Annotated[float, Within(0.001, 1e9)] = 30.0
    prior_s: Annotated[float, Within(0.001, 1e9)] = 8.0
    epsilon: Annotated[float, Within(1e-30, 100)] = 0.1

    def __post_init__(self) -> None:
        check_within(self, "normalize")

    @property
    def fitted(self) -> bool:
        """Whether the training set's statistics are needed (`RunningNormalize.fit`)."""
        return self.kind in ("fixed", "adaptive")

    @property
    def running(self) -> bool:
        """Whether a stream keeps statistics of its own frames."""
        return self.kind not in ("none", "fixed")

    @property
    def held_frames(self) -> int:
        """Frames of the warm-up, which a stream holds back at its start until they are there; 0 without warm-up."""
        return self.warmup_frames if self.running and not self.fitted else 0


class NormalizeState(NamedTuple):
    """The memory of a stream: the frames held back, and the statistics of the frames that are out.

    Args:
        held: (B, warmup - 1, N, E, K) frames of the warm-up.
        lengths: (B,) number of valid frames in `held`, 0 once the warm-up is full.
        weight: (B,) float64, number of frames that the statistics stand for, 0 during the warm-up.
        mean: (B, N, E, K) float64.
        scatter: (B, N, E, K) float64, weighted sum of squared distances from the mean.
        earlier: (B,) number of the first frames in `held` that earlier recordings of the session gave, which are out.
    """

    held: Tensor
    lengths: Tensor
    weight: Tensor
    mean: Tensor
    scatter: Tensor
    earlier: Tensor


class RunningNormalize(nn.Module):
    """Frames (B, F, N, E, K) of `shape` (N, E, K) in, normalized frames out. A stage as `emgasr.state.Stage`.

    Attributes:
        prior: state of one stream that streams start with, in place of nothing.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, config: NormalizeConfig, frame_rate_hz: float, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.config = config
        self.shape = tuple(shape)
        forgets = config.kind == "exponential"
        if forgets and not 1 <= config.half_life_s * frame_rate_hz <= 1e9:
            wrong = f"half_life_s {config.half_life_s:g} is {config.half_life_s * frame_rate_hz:g} frames"
            raise ConfigError("normalize", wrong, "give 1 to 1e9 frames; cumulative never forgets")
        self.decay = 0.5 ** (1 / (config.half_life_s * frame_rate_hz)) if forgets else 1.0
        self.prior: NormalizeState | None = None
        # decay ** -block must not blow up the block's own rounding errors
        self.block = (
            _BLOCK_FRAMES if not forgets else max(1, min(_BLOCK_FRAMES, int(-math.log(8) / math.log(self.decay))))
        )
        self.prior_frames = config.prior_s * frame_rate_hz
        if config.fitted:
            self.register_buffer("mean", torch.zeros(self.shape))
            self.register_buffer("variance", torch.ones(self.shape))

    def forward(self, frames: Tensor, lengths: Tensor, begun: NormalizeState | None = None) -> tuple[Tensor, Tensor]:
        """Return normalized frames (B, F, N, E, K), zero beyond lengths (B,) whatever the padding was; and lengths.

        Args:
            begun: running statistics that the items begin with, past any warm-up; None: those of a stream's start.
        """
        valid = frame_mask(lengths, frames.shape[1])
        padding = ~valid[:, :, None, None, None]
        if not self.config.running:
            return self._pointwise(frames).masked_fill(padding, 0.0), lengths
        frames = frames.masked_fill(padding, 0.0)
        if begun is not None or self.config.kind == "adaptive":
            state = self._trained(len(frames), frames.dtype, frames.device) if begun is None else begun
            return self._continue(frames, state, valid)[0].masked_fill(padding, 0.0), lengths
        warmup = self.config.warmup_frames
        head, state = self._begin(frames[:, :warmup], lengths.clamp(max=warmup), frames[:, :0])
        tail, _ = self._continue(frames[:, warmup:], state, valid[:, warmup:])
        return torch.cat([head, tail], 1).masked_fill(padding, 0.0), lengths

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> NormalizeState:
        """Return the state of `batch` streams that have received nothing, or start with `prior`."""
        if self.prior is not None:
            return NormalizeState(*(field.expand(batch, *field.shape[1:]).clone().to(device) for field in self.prior))
        if self.config.kind == "adaptive":
            return self._trained(batch, dtype, device)
        room = max(0, self.config.held_frames - 1)
        zeros = torch.zeros((batch, *self.shape), dtype=torch.float64, device=device)
        held = torch.zeros((batch, room, *self.shape), dtype=dtype, device=device)
        none = torch.zeros(batch, dtype=torch.long, device=device)
        return NormalizeState(held, none, zeros.new_zeros(batch), zeros, zeros.clone(), none.clone())

    def step(
        self, frames: Tensor, lengths: Tensor, state: NormalizeState, learned: Tensor | None = None
    ) -> tuple[Tensor, Tensor, NormalizeState]:
        """Return the frames that are ready, their lengths (B,), the new state.

        Args:
            frames: (B, F, N, E, K), the next ones, of which the first `lengths` (B,) are valid.
            learned: (B, F) bool, frames that enter the statistics and let older ones fade, once the warm-up is full;
                None: all.
        """
        if not self.config.running:
            return self._pointwise(frames), lengths, state
        alike = all(same(counts) is not None for counts in (lengths, state.lengths, state.earlier))
        if not alike or 0 < int((state.weight > 0).sum()) < len(frames):
            return self._each(frames, lengths, state, learned)
        frames = frames[:, : int(lengths[0])]
        if learned is None:
            learned = torch.ones(frames.shape[:2], dtype=torch.bool, device=frames.device)
        if float(state.weight[0]) > 0:
            output, state = self._continue(frames, state, learned)
            return output, lengths, state
        frames, lengths = join(state.held, state.lengths, frames, lengths)
        warmup = self.config.warmup_frames
        if frames.shape[1] < warmup:
            held = part(frames, torch.zeros_like(lengths), state.held.shape[1])
            return frames[:, :0], torch.zeros_like(lengths), state._replace(held=held, lengths=lengths)
        earlier = state.earlier
        head, state = self._begin(frames[:, :warmup], torch.full_like(lengths, warmup), state.held)
        tail = frames[:, warmup:]
        tail, state = self._continue(tail, state, learned[:, learned.shape[1] - tail.shape[1] :])
        return torch.cat([head, tail], 1)[:, int(earlier[0]) :], lengths - earlier, state

    def flush(self, state: NormalizeState) -> tuple[Tensor, Tensor]:
        """Return the frames of streams that end within their warm-up, normalized by them alone, and their lengths."""
        held, lengths = state.held[:, : int(state.lengths.max())], state.lengths - state.earlier
        if not held.shape[1]:
            return held, lengths
        output = self._begin(held, state.lengths, state.held)[0]
        return part(output, state.earlier, int(lengths.max())) if int(state.earlier.max()) else output, lengths

    def next_recording(self, state: NormalizeState) -> NormalizeState:
        """Return the state that the next recording of a session begins with, given that at the end of the one before.

        Frames of a warm-up that is not full stay in it: they count for its statistics, and are not read again.
        """
        return state._replace(earlier=state.lengths)

    def mute(self, state: NormalizeState, values: Tensor) -> NormalizeState:
        """Return a state past its warm-up that normalizes some values (N, E, K) bool to 0, whatever they are."""
        muted = MUTED_VARIANCE * state.weight[:, None, None, None]
        return state._replace(scatter=torch.where(values.to(muted.device), muted, state.scatter))

    def end_warmup(self, state: NormalizeState) -> NormalizeState:
        """Return the state of one stream whose warm-up ends here, with the frames that there are, if any."""
        if not int(state.lengths[0]):
            return state
        return self._begin(state.held[:, : int(state.lengths[0])], state.lengths, state.held)[1]

    def advance(
        self, frames: Tensor, state: NormalizeState, learned: Tensor | None = None
    ) -> tuple[Tensor, NormalizeState]:
        """Return the next frames normalized, and the new state; `learned` as in `step`.

        No stream may be within its warm-up. Pure tensors of fixed shapes: nothing is read on the host.
        """
        if not self.config.running:
            return self._pointwise(frames), state
        if learned is None:
            learned = torch.ones(frames.shape[:2], dtype=torch.bool, device=frames.device)
        return self._continue(frames, state, learned)

    def _each(
        self, frames: Tensor, lengths: Tensor, state: NormalizeState, learned: Tensor | None
    ) -> tuple[Tensor, Tensor, NormalizeState]:
        """Step streams that stand at different points, one by one."""
        parts = []
        for i, count in enumerate(lengths.tolist()):
            row = None if learned is None else learned[i : i + 1, :count]
            parts.append(self.step(frames[i : i + 1, :count], lengths[i : i + 1], select_streams(state, [i]), row))
        longest = max(output.shape[1] for output, _, _ in parts)
        outputs = [functional.pad(y, (0, 0, 0, 0, 0, 0, 0, longest - y.shape[1])) for y, _, _ in parts]
        return torch.cat(outputs), torch.cat([count for _, count, _ in parts]), merge_streams([s for _, _, s in parts])

    def statistics_of(self, parts: Iterable[Tensor], most_frames: float) -> NormalizeState:
        """Return the statistics of one person's frames as a `prior`.

        Args:
            parts: frames (1, F, N, E, K), one part behind the other.
            most_frames: frames that the prior counts for at most, so that a stream soon goes by its own signal.

        Raises:
            ConfigError: this kind keeps no running statistics.
            DataError: there are fewer frames than the warm-up needs.
        """
        if not self.config.running:
            raise ConfigError("normalize", f"kind {self.config.kind!r} has no running statistics", "leave them out")
        self.prior = None
        state = self.start(1, torch.float32, torch.device("cpu"))
        for frames in parts:
            state = NormalizeState(*(field.to(frames.device) for field in state))
            _, _, state = self.step(frames, torch.tensor([frames.shape[1]], device=frames.device), state)
        if not float(state.weight[0]) > 0:
            wrong = f"there are fewer than the {self.config.warmup_frames} frames of its warm-up"
            raise DataError("normalize", wrong, "give more of the person's signal")
        share = (most_frames / state.weight).clamp(max=1.0)
        return state._replace(weight=state.weight * share, scatter=state.scatter * share[:, None, None, None])

    def heard(self, state: NormalizeState, count: Tensor, total: Tensor, squares: Tensor) -> NormalizeState:
        """Return `state`, past its warm-up, with further frames in its statistics, all of the same weight.

        Args:
            count: (B,) float64, number of frames; a stream with none stays as it is.
            total: (B, N, E, K) float64, their sum.
            squares: (B, N, E, K) float64, their sum of squares.
        """
        some = count.clamp(min=1)[:, None, None, None]
        weight, mean = state.weight[:, None, None, None], total / some
        more = (squares - total * mean).clamp(min=0)
        share = count[:, None, None, None] / (weight + count[:, None, None, None])
        difference = mean - state.mean
        scatter = state.scatter + more + difference.square() * weight * share  # Chan's update
        return state._replace(weight=state.weight + count, mean=state.mean + difference * share, scatter=scatter)

    def fit(self, batches: Iterable[tuple[Tensor, Tensor]]) -> None:
        """Set the training set's statistics from batches of frames (B, F, N, E, K) and their lengths (B,).

        Raises:
            ConfigError: this kind has no statistics to fit.
            DataError: there are no frames.
        """
        if not self.config.fitted:
            raise ConfigError("normalize", f"kind {self.config.kind!r} has no statistics to fit", 'choose "fixed"')
        count, mean, scatter = 0, torch.zeros(self.shape).double(), torch.zeros(self.shape).double()
        for frames, lengths in batches:
            rows = frames[frame_mask(lengths, frames.shape[1])].double().cpu()
            if len(rows) == 0:
                continue
            difference = rows.mean(0) - mean  # Chan's pairwise update: stable over any number of hours
            share = len(rows) / (count + len(rows))
            scatter += rows.var(0, correction=0) * len(rows) + difference.square() * count * share
            mean += difference * share
            count += len(rows)
        if count == 0:
            raise DataError("normalize", "there are no frames to take statistics of", "check the training set")
        self.mean.copy_(mean)
        self.variance.copy_(scatter / count)

    def _trained(self, batch: int, dtype: torch.dtype, device: torch.device) -> NormalizeState:
        """Return the state of streams that start with the statistics of the training set."""
        mean, variance = (value.double().to(device).expand(batch, *self.shape) for value in (self.mean, self.variance))
        weight = mean.new_full((batch,), self.prior_frames)
        held = torch.zeros((batch, 0, *self.shape), dtype=dtype, device=device)
        none = torch.zeros(batch, dtype=torch.long, device=device)
        return NormalizeState(held, none, weight, mean.clone(), variance * self.prior_frames, none.clone())

    def _pointwise(self, frames: Tensor) -> Tensor:
        if self.config.kind == "none":
            return frames
        return (frames - self.mean.to(frames)) * (self.variance.to(frames) + self.config.epsilon).rsqrt()

    def _begin(self, frames: Tensor, lengths: Tensor, held: Tensor) -> tuple[Tensor, NormalizeState]:
        """Normalize the warm-up by its joint statistics; `held` only gives the shape of the new state's field."""
        weight = lengths.clamp(min=1).to(torch.float64)
        count = weight[:, None, None, None]
        valid = frame_mask(lengths, frames.shape[1])[:, :, None, None, None]
        mean = frames.masked_fill(~valid, 0.0).sum(1, dtype=torch.float64) / count
        centered = (frames - mean.to(frames.dtype).unsqueeze(1)).masked_fill(~valid, 0.0)
        scatter = centered.square().sum(1, dtype=torch.float64)
        none = torch.zeros_like(lengths)
        state = NormalizeState(torch.zeros_like(held), none, weight, mean, scatter, none.clone())
        return self._scaled(centered, scatter / count), state

    def _scaled(self, centered: Tensor, variance: Tensor) -> Tensor:
        return centered * (variance + self.config.epsilon).rsqrt().to(centered.dtype).unsqueeze(1)

    def _continue(self, frames: Tensor, state: NormalizeState, learned: Tensor) -> tuple[Tensor, NormalizeState]:
        """Normalize frames behind the warm-up, in blocks that each start sums of their own."""
        outputs = [frames[:, :0]]
        blocks = zip(frames.split(self.block, 1), learned.split(self.block, 1), strict=True)
        for block, rows in blocks if frames.shape[1] else ():
            output, state = self._block(block, state, rows)
            outputs.append(output)
        return torch.cat(outputs, 1), state

    def _block(self, frames: Tensor, state: NormalizeState, learned: Tensor) -> tuple[Tensor, NormalizeState]:
        # Sums are taken around the mean so far, so that they stay small however long and far the signal drifts.
        center = state.mean.to(frames.dtype)
        centered = frames - center.unsqueeze(1)
        count = state.weight[:, None, None, None]
        if self.config.kind == "warmup":
            return self._scaled(centered, state.scatter / count), state
        rounding = state.mean - center
        steps = learned.cumsum(1).to(torch.float64)
        decays = self.decay**steps
        weight = state.weight[:, None] * decays + self._weights(steps)
        entering = centered * learned[:, :, None, None, None]
        total, total_end = self._running(entering, decays, count * rounding)
        squares, squares_end = self._running(entering.square(), decays, state.scatter + count * rounding.square())
        share = (1 / weight).to(frames.dtype)[:, :, None, None, None]
        mean = total * share
        variance = (squares * share - mean.square()).clamp(min=0)
        output = (centered - mean) * (variance + self.config.epsilon).rsqrt()
        count = weight[:, -1, None, None, None]
        scatter = (squares_end - total_end.square() / count).clamp(min=0)
        return output, state._replace(weight=weight[:, -1], mean=center + total_end / count, scatter=scatter)

    def _weights(self, steps: Tensor) -> Tensor:
        return steps if self.decay == 1 else (1 - self.decay**steps) / (1 - self.decay)

    def _running(self, values: Tensor, decays: Tensor, carried: Tensor) -> tuple[Tensor, Tensor]:
        if self.decay == 1:
            within = values.cumsum(1)
            return within + carried.to(values.dtype).unsqueeze(1), carried + within[:, -1]
        scale = decays.to(values.dtype)[:, :, None, None, None]
        within = (values / scale).cumsum(1) * scale
        sums = within + carried.to(values.dtype).unsqueeze(1) * scale
        return sums, carried * decays[:, -1, None, None, None] + within[:, -1]
