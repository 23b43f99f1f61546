"""Recordings with key times, or takes to compose, in; padded training batches that depend on (seed, step) alone out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated, Literal

import numpy as np
import torch
from torch import Tensor

from emgasr.config.bounds import Within, check_within
from emgasr.data.compose import ComposeConfig, ComposedExamples, Example
from emgasr.errors import ConfigError, DataError
from emgasr.recording import Recording
from emgasr.tokens import Tokens


@dataclass(frozen=True)
class WindowsConfig:
    """Windows cut from continuous recordings with key times, of one random length a batch.

    Args:
        shortest_s: shortest window in seconds.
        longest_s: longest window in seconds.
        batch_s: seconds of signal a batch; the number of windows follows.
        snap_s: an edge moves by up to this to the middle of a wide pause, so that no key press is cut in two.
        cache_gb: recordings are held in memory up to this size, and read slice by slice beyond it.
    """

    kind: Literal["windows"] = "windows"
    shortest_s: Annotated[float, Within(0.001, 1e5)] = 4.0
    longest_s: Annotated[float, Within(0.001, 1e5)] = 8.0
    batch_s: Annotated[float, Within(0.001, 1e6)] = 128.0
    snap_s: Annotated[float, Within(0, 1e4)] = 0.5
    cache_gb: Annotated[float, Within(0, 1e6)] = 8.0

    def __post_init__(self) -> None:
        check_within(self, "data")
        if self.shortest_s > self.longest_s:
            wrong = f"windows of {self.shortest_s:g} to {self.longest_s:g} s in batches of {self.batch_s:g} s"
            raise ConfigError("data", wrong, "give shortest_s <= longest_s")
        if not 2 * self.snap_s < self.shortest_s:
            raise ConfigError("data.snap_s", f"{self.snap_s:g} s could eat a window", "give less than shortest_s / 2")


@dataclass(frozen=True)
class ComposedConfig(ComposeConfig):
    """Sequences composed on the fly from single takes.

    Args:
        batch_size: sequences a batch.
        words: file of words to spell, one a line; random strings without it.
        shortest: shortest random string, in labels.
        longest: longest random string, in labels.
        repeats: share of the neighbors in a random string that are made equal, beyond those that are so by chance.
        worn_s: most seconds of its session that a sequence begins with the running statistics of, as if the device had
            been worn so long; 0: each begins as a device just put on. For adaptive normalization.
    """

    kind: Literal["composed"] = "composed"
    batch_size: Annotated[int, Within(1, 1e6)] = 32
    words: str = ""
    shortest: Annotated[int, Within(1, 1e5)] = 2
    longest: Annotated[int, Within(1, 1e5)] = 7
    repeats: Annotated[float, Within(0, 1)] = 0.0
    worn_s: Annotated[float, Within(0, 1e6)] = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.shortest > self.longest:
            wrong = f"strings of {self.shortest} to {self.longest} labels"
            raise ConfigError("data", wrong, "give shortest <= longest")


class WindowSampler:
    """Random windows of recordings, keys as labels; recordings are drawn in proportion to their length."""

    def __init__(self, recordings: Sequence[Recording], tokens: Tokens, config: WindowsConfig, seed: int) -> None:
        if not recordings:
            raise DataError("training data", "holds no recording", "check the manifest's splits")
        if not any(tokens.encode_keys(recording.events.keys)[0] for recording in recordings):
            wrong = "holds no key press that the tokens can write"
            advice = "windows need key events; single takes are composed (--task words, or --data.kind composed)"
            raise DataError("training data", wrong, advice)
        self.tokens = tokens
        self.config = config
        self.seed = seed
        size = sum(r.n_samples * r.n_channels * 4 for r in recordings) / 1e9
        self.recordings = [_in_memory(r) for r in recordings] if size <= config.cache_gb else list(recordings)
        durations = np.array([r.duration_s for r in self.recordings])
        self.share = durations / durations.sum()
        if min(durations) < config.shortest_s:
            shortest = recordings[int(durations.argmin())]
            raise DataError(
                f"recording {shortest.subject}/{shortest.session}",
                f"lasts {durations.min():.1f} s, less than a window of {config.shortest_s:g} s",
                "shorten data.shortest_s or leave it out",
            )

    def batch(self, step: int) -> Batch:
        """Batch `step`, padded."""
        return collate(self.examples(step))

    def examples(self, step: int) -> list[Example]:
        """The examples of batch `step`."""
        rng = np.random.default_rng((self.seed, step))
        seconds = rng.uniform(self.config.shortest_s, self.config.longest_s)
        count = max(1, round(self.config.batch_s / seconds))
        chosen = rng.choice(len(self.recordings), size=count, p=self.share)
        return [self._window(self.recordings[i], seconds, rng) for i in chosen]

    def _window(self, recording: Recording, seconds: float, rng: np.random.Generator) -> Example:
        seconds = min(seconds, recording.duration_s)
        start = rng.uniform(0.0, recording.duration_s - seconds)
        times = recording.events.time_s
        first = _quietest(times, start, self.config.snap_s, recording.duration_s)
        last = _quietest(times, start + seconds, self.config.snap_s, recording.duration_s)
        events = recording.events.between(first, last)
        ids, kept = self.tokens.encode_keys(events.keys)
        onset = events.time_s[kept] - first
        release = np.where(np.isfinite(events.release_s[kept]), events.release_s[kept] - first, onset + 0.1)
        following = np.append(onset[1:], np.inf)
        return Example(recording.read(first, last), ids, onset, np.minimum(release, following))


class ComposedSampler:
    """Batches of sequences composed on the fly, sorted by length within a pool so that little is padded."""

    pool = 8  # batches drawn and sorted together

    def __init__(self, sequences: ComposedExamples, size: int) -> None:
        self.sequences = sequences
        self.size = size
        self._sorted: tuple[int, np.ndarray] = (-1, np.empty(0))  # of the pool that was asked for last

    def batch(self, step: int) -> Batch:
        """Batch `step`, padded."""
        return collate(self.examples(step))

    def examples(self, step: int) -> list[Example]:
        """The examples of batch `step`: lengths are planned for a whole pool, only this batch's examples are made."""
        pool, first = step // self.pool, step // self.pool * self.pool * self.size
        turn = np.random.default_rng((self.sequences.seed, 1, pool)).permutation(self.pool)
        return [self.sequences.example(first + int(i)) for i in self._order(pool)[turn[step % self.pool]]]

    def _order(self, pool: int) -> np.ndarray:
        """(pool, size) numbers of a pool's examples, sorted by length; kept, for the next batch asks for it again."""
        number, order = self._sorted
        if number != pool:
            first = pool * self.pool * self.size
            lengths = np.array([self.sequences.planned_samples(first + i) for i in range(self.pool * self.size)])
            order = np.argsort(lengths, kind="stable").reshape(self.pool, self.size)
            self._sorted = pool, order
        return order


@dataclass
class Batch:
    """Padded examples: samples (B, T, C), lengths (B,), target ids (B, L) with their lengths and times (B, L) in s.

    `worn` (B,) is the place of each example's session among those of the sampler, -1 where there is none; `reader` ()
    is the place of the corpus among those that are trained on together, each with its own layout of electrodes.
    """

    samples: Tensor
    lengths: Tensor
    targets: Tensor
    target_lengths: Tensor
    onset_s: Tensor
    offset_s: Tensor
    worn: Tensor
    reader: Tensor = field(default_factory=lambda: torch.tensor(0))

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        return Batch(**{name: value.to(device, non_blocking=True) for name, value in vars(self).items()})

    def pin_memory(self) -> Batch:
        """The same batch in page-locked memory, from which a GPU copies while it computes."""
        return Batch(**{name: value.pin_memory() for name, value in vars(self).items()})


def collate(examples: Sequence[Example]) -> Batch:
    """Pad examples to one batch; padding is zero."""
    lengths = [len(e.samples) for e in examples]
    counts = [len(e.ids) for e in examples]
    width = max(1, *counts) if counts else 1
    # NumPy takes so much memory in large pages, and only the padding need be zero.
    samples = np.empty((len(examples), max(lengths), examples[0].samples.shape[1]), dtype=np.float32)
    targets = torch.zeros(len(examples), width, dtype=torch.long)
    onset, offset = torch.zeros(len(examples), width), torch.zeros(len(examples), width)
    for row, example in enumerate(examples):
        samples[row, : lengths[row]] = example.samples
        samples[row, lengths[row] :] = 0.0
        targets[row, : counts[row]] = torch.tensor(example.ids, dtype=torch.long)
        onset[row, : counts[row]] = torch.from_numpy(np.asarray(example.onset_s, dtype=np.float32))
        offset[row, : counts[row]] = torch.from_numpy(np.asarray(example.offset_s, dtype=np.float32))
    worn = torch.tensor([example.worn for example in examples])
    return Batch(torch.from_numpy(samples), torch.tensor(lengths), targets, torch.tensor(counts), onset, offset, worn)


def _in_memory(recording: Recording) -> Recording:
    return replace(recording, samples=recording.read())


def _quietest(times: np.ndarray, around: float, reach: float, duration: float) -> float:
    """The time within `reach` of `around` that is furthest from any key press, among the middles of pauses."""
    if len(times) and reach > 0:
        first, last = np.searchsorted(times, (around - reach, around + reach))
        before = times[first - 1] if first else -np.inf
        after = times[last] if last < len(times) else np.inf
        edges = np.concatenate([[before], times[first:last], [after]])
        points = np.clip((edges[1:] + edges[:-1]) / 2, around - reach, around + reach)
        around = points[np.minimum(points - edges[:-1], edges[1:] - points).argmax()]
    return float(np.clip(around, 0.0, duration))
