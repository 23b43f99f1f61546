"""Batches of training samples or frames in, the same batches varied at random out, on the batch's device.

Each item, band and electrode draws for itself, all at once. Padding beyond an item's length stays as it is. Outside
training mode nothing changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Generator, Tensor, nn

from emgasr.config.bounds import Within, check_within
from emgasr.errors import DataError
from emgasr.state import frame_mask

THIRDS = 3  # parts of a take that are shifted each for itself, as takes differ


@dataclass(frozen=True)
class AugmentConfig:
    """How training batches are varied; 0 turns a variation off.

    Masks are drawn for each band and electrode (SpecAugment with emg2qwerty's numbers).

    Args:
        band_jitter_ms: largest shift of two bands against each other (emg2qwerty: 120 samples at 2 kHz).
        rotation_electrodes: largest turn of a ring, in whole electrodes (1 in emg2qwerty; for many wearers, not one).
        rotation_sd_electrodes: standard deviation of a ring's turn by any angle, as of a ring put on by hand.
        reversal_probability: probability that a ring runs the other way round, as on the other arm.
        band_gain_db: standard deviation of a band's gain.
        electrode_gain_db: standard deviation of an electrode's gain.
        time_masks: largest number of masks in time.
        time_mask_frames: longest mask in time.
        frequency_masks: largest number of masks in frequency.
        frequency_mask_bins: widest mask in frequency; wider than all bins: whole electrodes vanish, as in SplashNet.
        electrode_mask_probability: probability that an electrode is masked.
        spread: shift of all frames of an item by one draw from the normal distribution of a label's takes around their
            mean, times this (`Augment.fit`). Where takes of one label differ, another day or person will differ too;
            the network learns to look elsewhere, as linear discriminant analysis does.
        take_spread: shift of the frames of each take by a draw of its own, which goes through the thirds of the take as
            takes of one label differ in them, times this: takes that might have been recorded, so that the few that
            were are not learned by heart.
    """

    band_jitter_ms: Annotated[float, Within(0, 10_000)] = 60.0
    rotation_electrodes: Annotated[int, Within(0, 1024)] = 0
    rotation_sd_electrodes: Annotated[float, Within(0, 1024)] = 0.0
    reversal_probability: Annotated[float, Within(0, 1)] = 0.0
    band_gain_db: Annotated[float, Within(0, 100)] = 0.0
    electrode_gain_db: Annotated[float, Within(0, 100)] = 0.0
    time_masks: Annotated[int, Within(0, 1000)] = 3
    time_mask_frames: Annotated[int, Within(0, 1e6)] = 25
    frequency_masks: Annotated[int, Within(0, 1000)] = 2
    frequency_mask_bins: Annotated[int, Within(0, 1e6)] = 4
    electrode_mask_probability: Annotated[float, Within(0, 1)] = 0.0
    spread: Annotated[float, Within(0, 100)] = 0.0
    take_spread: Annotated[float, Within(0, 100)] = 0.0

    def __post_init__(self) -> None:
        check_within(self, "augment")

    @property
    def fitted(self) -> bool:
        """Whether the takes of the training set are needed (`Augment.fit`)."""
        return bool(self.spread or self.take_spread)

    @property
    def of_samples(self) -> tuple[str, ...]:
        """The names of the variations that are on and change samples: frames that are kept cannot have them."""
        names = ("band_jitter_ms", "rotation_electrodes", "rotation_sd_electrodes", "reversal_probability")
        return tuple(name for name in (*names, "band_gain_db", "electrode_gain_db") if getattr(self, name))


class Augment(nn.Module):
    """Random variation of batches in training mode; `rings` says of each band whether its electrodes close a circle.

    `shape` is that of a frame, (N, E, K). `samples` and `frames` take a torch.Generator of the batch's device, for
    draws that can be repeated.
    """

    rings: Tensor
    spread: Tensor
    take_spread: Tensor

    def __init__(self, config: AugmentConfig, rate_hz: float, rings: Sequence[bool], shape: Sequence[int]) -> None:
        super().__init__()
        self.config = config
        self.bands = len(rings)
        self.jitter_samples = round(config.band_jitter_ms * rate_hz / 1000) if self.bands > 1 else 0
        self.rotates = any(rings) and (config.rotation_electrodes > 0 or config.rotation_sd_electrodes > 0)
        self.register_buffer("rings", torch.tensor(rings, dtype=torch.bool), persistent=False)
        self.shape = tuple(shape)
        # Rows of standard normal draws times these matrices are shifts.
        size = math.prod(shape)
        if config.spread:
            self.register_buffer("spread", torch.zeros(size, size))
        if config.take_spread:
            self.register_buffer("take_spread", torch.zeros(THIRDS * size, THIRDS * size))

    def samples(self, samples: Tensor, lengths: Tensor, generator: Generator | None = None) -> Tensor:
        """Vary samples (B, T, C) whose first `lengths` (B,) are valid."""
        if not self.training:
            return samples
        bands = samples.unflatten(2, (self.bands, -1))  # (B, T, N, E)
        if self.config.reversal_probability:
            turned_over = _uniform((len(bands), 1, self.bands, 1), bands.device, generator)
            turned_over = (turned_over < self.config.reversal_probability) & self.rings[:, None]
            bands = torch.where(turned_over, bands.flip(3), bands)
        offsets = self._offsets(bands, generator)
        turns = self._turns(bands, generator)
        if bands.device.type == "cpu" and not self.config.rotation_sd_electrodes:
            if self.jitter_samples or self.rotates:
                from emgasr.data.augment_cpu import moved  # compiles when it is first needed

                bands = moved(bands, lengths, offsets, turns)
        else:
            bands = self._shift(bands, lengths, offsets) if self.jitter_samples else bands
            bands = self._rotate(bands, turns) if self.rotates else bands
        if self.config.band_gain_db or self.config.electrode_gain_db:
            bands = bands * self._gains(bands, generator)
        return bands.flatten(2)

    def frames(
        self,
        frames: Tensor,
        lengths: Tensor,
        takes: tuple[Tensor, Tensor] | None = None,
        generator: Generator | None = None,
    ) -> Tensor:
        """Shift normalized frames (B, F, N, E, K), and mask parts of them by 0, their mean; `lengths` (B,) are valid.

        `takes` says of each frame (B, F) which take of its sequence it is of, from 1 (0: of none), and how far through
        it it lies, from 0 to 1.
        """
        config = self.config
        if not self.training:
            return frames
        batch, count, bands, electrodes, bins = frames.shape
        shape = (batch, bands, electrodes)
        masks: list[Tensor] = []
        if config.spread:
            draws = torch.randn((batch, len(self.spread)), device=frames.device, generator=generator)
            shift = (config.spread * draws @ self.spread).to(frames.dtype).view(batch, 1, *self.shape)
            frames = frames + shift * frame_mask(lengths, count)[:, :, None, None, None]
        if config.take_spread and takes is not None:
            frames = frames + self._take_shifts(*takes, generator).to(frames.dtype)
        if config.time_masks and config.time_mask_frames:
            ends = lengths[:, None, None].expand(shape)
            mask = _masks(shape, config.time_masks, config.time_mask_frames, ends, count, generator)
            masks.append(mask.movedim(-1, 1).unsqueeze(-1))
        if config.frequency_masks and config.frequency_mask_bins:
            ends = lengths.new_full((1, 1, 1), bins).expand(shape)
            mask = _masks(shape, config.frequency_masks, config.frequency_mask_bins, ends, bins, generator)
            masks.append(mask.unsqueeze(1))
        if config.electrode_mask_probability:
            mask = _uniform(shape, frames.device, generator) < config.electrode_mask_probability
            masks.append(mask[:, None, :, :, None])
        for number, mask in enumerate(masks):  # one copy for all of them
            frames = frames.masked_fill_(mask, 0.0) if number else frames.masked_fill(mask, 0.0)
        return frames

    def fit(self, takes: Tensor, labels: Tensor) -> None:
        """Set what shifts are drawn from: the mean frames (n, 3, N, E, K) of takes' thirds, and their labels (n,)."""
        free = len(takes) - len(labels.unique())
        if free < 1:
            raise DataError("augment.spread", "no label has two takes", "set it to 0")
        if self.config.spread:
            self.spread.copy_(_root(takes.mean(1).flatten(1), labels))
        if self.config.take_spread:
            self.take_spread.copy_(_root(takes.flatten(1), labels))

    def _take_shifts(self, which: Tensor, place: Tensor, generator: Generator | None) -> Tensor:
        """(B, F, N, E, K): a draw for each third of each take, joined by straight lines between their middles."""
        batch, most = len(which), int(which.max()) + 1
        draws = torch.randn((batch, most, len(self.take_spread)), device=which.device, generator=generator)
        draws[:, 0] = 0.0
        shifts = (self.config.take_spread * draws @ self.take_spread).unflatten(2, (THIRDS, -1))
        position = (THIRDS * place - 0.5).clamp(0, THIRDS - 1)
        before = position.floor().long().clamp(max=THIRDS - 2)
        share = (position - before).unsqueeze(-1)
        row = torch.arange(batch, device=which.device)[:, None]
        found = torch.lerp(shifts[row, which, before], shifts[row, which, before + 1], share)
        return found.unflatten(2, self.shape)

    def _offsets(self, bands: Tensor, generator: Generator | None) -> Tensor:
        """(B, N) samples by which each band is shifted."""
        batch, _, n_bands, _ = bands.shape
        if not self.jitter_samples:
            return torch.zeros((batch, n_bands), dtype=torch.long, device=bands.device)
        draws = _uniform((batch, 1, n_bands), bands.device, generator)[:, 0]
        return ((draws * 2 - 1) * (self.jitter_samples / 2)).round().long()

    def _turns(self, bands: Tensor, generator: Generator | None) -> Tensor:
        """(B, N) electrodes by which each ring is turned."""
        batch, _, n_bands, _ = bands.shape
        if not self.rotates:
            return torch.zeros((batch, n_bands), device=bands.device)
        most, deviation = self.config.rotation_electrodes, self.config.rotation_sd_electrodes
        turns = (_uniform((batch, n_bands, 1), bands.device, generator) * (2 * most + 1)).floor() - most
        if deviation:
            turns = turns + deviation * torch.randn((batch, n_bands, 1), device=bands.device, generator=generator)
        return (turns * self.rings[:, None])[..., 0]

    def _shift(self, bands: Tensor, lengths: Tensor, offsets: Tensor) -> Tensor:
        times = torch.arange(bands.shape[1], device=bands.device)[None, :, None]
        last = (lengths[:, None, None] - 1).clamp(min=0)
        mirrored = (times + offsets[:, None]).abs()  # a signal's own mirror image fills the ends
        mirrored = (last - (last - mirrored).abs()).abs().minimum(last)
        sources = torch.where(times <= last, mirrored, times)
        return bands.gather(1, sources.unsqueeze(-1).expand_as(bands))

    def _rotate(self, bands: Tensor, turns: Tensor) -> Tensor:
        electrodes = bands.shape[3]
        turns = turns.unsqueeze(-1)
        whole = turns.floor()
        sources = (torch.arange(electrodes, device=bands.device) - whole.long()) % electrodes
        turned = bands.gather(3, sources.unsqueeze(1).expand_as(bands))
        if self.config.rotation_sd_electrodes:
            # Between two electrodes lies a mixture of theirs, with the power that unrelated signals have.
            share = (turns - whole).to(bands.dtype).unsqueeze(1)
            turned = torch.lerp(turned, turned.roll(1, 3), share) / (share.square() + (1 - share).square()).sqrt()
        return turned

    def _gains(self, bands: Tensor, generator: Generator | None) -> Tensor:
        batch, _, n_bands, electrodes = bands.shape
        per_band = torch.randn((batch, 1, n_bands, 1), device=bands.device, generator=generator)
        per_electrode = torch.randn((batch, 1, n_bands, electrodes), device=bands.device, generator=generator)
        gain_db = per_band * self.config.band_gain_db + per_electrode * self.config.electrode_gain_db
        return (gain_db * (math.log(10) / 20)).exp().to(bands.dtype)


def _root(rows: Tensor, labels: Tensor) -> Tensor:
    """Return (D, D): the square root of the covariance of rows (n, D) around the mean of their label."""
    rows = rows.double()
    residuals = torch.cat([rows[labels == label] - rows[labels == label].mean(0) for label in labels.unique()])
    values, vectors = torch.linalg.eigh(residuals.T @ residuals / (len(rows) - len(labels.unique())))
    return values.clamp(min=0).sqrt()[:, None] * vectors.T


def _masks(
    shape: tuple[int, ...], most: int, widest: int, ends: Tensor, size: int, generator: Generator | None
) -> Tensor:
    """The union (*shape, size) of 0 to `most` spans, each 0 to `widest` long, that lie before `ends` (*shape)."""
    device = ends.device
    count = (_uniform((*shape, 1), device, generator) * (most + 1)).long()
    chosen = torch.arange(most, device=device) < count
    width = (_uniform((*shape, most), device, generator) * (widest + 1)).long() * chosen
    width = width.minimum(ends.unsqueeze(-1))
    start = (_uniform((*shape, most), device, generator) * (ends.unsqueeze(-1) - width + 1)).long()
    positions = torch.arange(size, device=device)
    inside = (positions >= start.unsqueeze(-1)) & (positions < (start + width).unsqueeze(-1))
    return inside.any(-2)


def _uniform(shape: tuple[int, ...], device: torch.device, generator: Generator | None) -> Tensor:
    return torch.rand(shape, device=device, generator=generator)
