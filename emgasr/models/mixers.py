"""Frames of every electrode in, one vector a frame out: what stands before the blocks of the Conformer."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.errors import ConfigError
from emgasr.frontend.rings import shares
from emgasr.models.encoder import FrameShape
from emgasr.state import frame_mask

PLACES = 8  # round a ring, whatever the number of its electrodes
MOST_BANDS = 8  # of electrodes that are told apart by their number


class ElectrodeMixer(nn.Module):
    """Electrodes of each band to one vector, weights shared by the bands: (B, F, N, E, K) to (B, F', D).

    Convolutions run over time (causal, strided) and round the ring of electrodes (circular), so that a rotated ring
    gives a rotated image; the last layer averages over rotations by -1, 0 and +1 electrode, the idea of emg2qwerty's
    rotation-invariant MLP at a quarter of its rate. Without a `ring` convolutions run over time alone, nothing turns,
    and an electrode's place is added to what it gives.
    """

    def __init__(
        self, bands: int, electrodes: int, bins: int, width: int, channels: int, subsampling: int, ring: bool = True
    ) -> None:
        super().__init__()
        stages = subsampling.bit_length() - 1
        wide = channels * 3 // 2
        self.bands, self.electrodes = bands, electrodes
        self.ring = ring and electrodes > 1
        self.subsampling = subsampling
        self.embed = nn.Linear(bins, channels)
        sizes = [channels] * stages + [wide]
        self.strided = nn.ModuleList(
            nn.Conv2d(sizes[i], sizes[i + 1], (3, 3 if self.ring else 1), stride=(2, 1)) for i in range(stages)
        )
        last = sizes[-1] if stages else channels
        self.sizes = sizes[:-1]
        self.rotations = (-1, 0, 1) if self.ring else (0,)
        self.flatten = nn.Linear(last * electrodes, width)
        self.project = nn.Linear(bands * width, width)
        self.norm = nn.LayerNorm(width)
        for layer in (self.embed, *self.strided, self.flatten):
            # PyTorch's default would shrink the signal by half a layer, and training would sit on blanks for long.
            if not layer.weight.is_meta:  # only outlined; there, this imports torch._dynamo, which takes a second
                nn.init.kaiming_normal_(layer.weight)
            nn.init.zeros_(layer.bias)
        self.place = None if ring else nn.Parameter(torch.zeros(bands, electrodes, channels))

    def lengths(self, lengths: Tensor) -> Tensor:
        """Return the output frames of `lengths` (B,) input frames: one for each whole group of `subsampling` frames."""
        return lengths // self.subsampling

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
        """Return the input of each convolution before the first frame: (B, 1, N, channels, E) of zeros."""
        shapes = [(batch, 1, self.bands, width, self.electrodes) for width in self.sizes]
        return tuple(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes)

    def forward(self, frames: Tensor, lengths: Tensor) -> Tensor:
        return self.step(frames, lengths, self.start(len(frames), frames.dtype, frames.device))[0]

    def step(
        self, frames: Tensor, lengths: Tensor | None, past: tuple[Tensor, ...]
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Mix frames that begin where a group begins.

        Args:
            lengths: (B,) number of valid frames; None: all.
            past: the input of each convolution before these frames.

        Returns:
            The mixed frames (B, F', D), and each convolution's past and new inputs, (B, 1 + F, N, channels, E).
        """
        batch, _, bands = frames.shape[:3]
        x = self.embed(frames)
        x = functional.silu(x if self.place is None else x + self.place)
        x = x.permute(0, 2, 4, 1, 3).flatten(0, 1)  # (B N, channels, F, E)
        lengths = None if lengths is None else lengths.repeat_interleave(bands)
        inputs = []
        for conv, before in zip(self.strided, past, strict=True):
            if lengths is not None:
                x = x * frame_mask(lengths, x.shape[2])[:, None, :, None]
                lengths = lengths // 2
            # One past frame and both frames of the pair: nothing later than the pair, which an output frame waits for.
            x = torch.cat([before.permute(0, 2, 3, 1, 4).flatten(0, 1), x], dim=2)
            inputs.append(x.unflatten(0, (batch, bands)).permute(0, 3, 1, 2, 4))
            if self.ring:
                x = torch.cat([x[..., -1:], x, x[..., :1]], dim=-1)
            x = functional.silu(conv(x))
        x = x.permute(0, 2, 1, 3)  # (B N, F', channels, E)
        turned = [functional.silu(self.flatten(x.roll(turn, dims=3).flatten(2))) for turn in self.rotations]
        x = torch.stack(turned).mean(dim=0)
        x = self.norm(self.project(x.unflatten(0, (batch, bands)).transpose(1, 2).flatten(2)))
        return x, tuple(inputs)


class AnyMixer(nn.Module):
    """Electrodes in any number of rings, or in none, to one vector: (B, F, N, E, K) to (B, F', D).

    No weight depends on N, E or the sampling rate. Each electrode is embedded alike. Those of a ring are read at PLACES
    equal angles round it; those of no ring by attention, by what they hear. A bin that the device does not have is no
    zero: it has a vector of its own. Convolutions run over time alone.
    """

    present: Tensor
    shares: Tensor

    def __init__(
        self,
        shape: FrameShape,
        width: int,
        channels: int,
        subsampling: int,
        turn_sd: float = 0.0,
        reversal: float = 0.0,
    ) -> None:
        super().__init__()
        self.turn_sd, self.reversal, self.angles = turn_sd, reversal, shape.angles
        if shape.bands > MOST_BANDS:
            raise ConfigError("encoder.mixing", f"any reads {MOST_BANDS} bands at most, not {shape.bands}", "use free")
        self.subsampling = subsampling
        self.rings = tuple(shape.ring(band) for band in range(shape.bands))
        present = torch.tensor(shape.present or [[True] * shape.bins] * shape.bands)
        self.register_buffer("present", present[:, None].float(), persistent=False)  # (N, 1, K)
        self.reach = 1 / min(PLACES, shape.electrodes)
        # On the CPU also where a network is only outlined: on the meta device this would import torch._dynamo too.
        places = torch.tensor([place / PLACES for place in range(PLACES)], dtype=torch.float64, device="cpu")
        self.register_buffer("shares", shares(places, shape.electrodes, self.reach), persistent=False)
        self.embed = nn.Linear(shape.bins, channels)
        self.absent = nn.Parameter(torch.zeros(shape.bins, channels))
        self.wanted = nn.Linear(channels, PLACES)  # what each place looks for among electrodes of no ring
        self.flatten = nn.Linear(PLACES * channels, width)
        self.which = nn.Parameter(torch.zeros(MOST_BANDS, width))
        self.project = nn.Linear(width, width)
        self.strided = nn.ModuleList(nn.Conv1d(width, width, 3, stride=2) for _ in range(subsampling.bit_length() - 1))
        self.norm = nn.LayerNorm(width)
        for layer in (self.embed, *self.strided, self.flatten):
            if not layer.weight.is_meta:
                nn.init.kaiming_normal_(layer.weight)  # as in ElectrodeMixer
            nn.init.zeros_(layer.bias)

    def lengths(self, lengths: Tensor) -> Tensor:
        """Return the output frames of `lengths` (B,) input frames: one for each whole group of `subsampling` frames."""
        return lengths // self.subsampling

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> tuple[Tensor, ...]:
        """Return the input of each convolution before the first frame: (B, 1, D) of zeros."""
        width = self.norm.normalized_shape[0]
        return tuple(torch.zeros((batch, 1, width), dtype=dtype, device=device) for _ in self.strided)

    def forward(self, frames: Tensor, lengths: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return mixed frames (B, F', D); of those in `hidden` (B, F) bool every bin is absent."""
        return self.step(frames, lengths, self.start(len(frames), frames.dtype, frames.device), hidden)[0]

    def step(
        self, frames: Tensor, lengths: Tensor | None, past: tuple[Tensor, ...], hidden: Tensor | None = None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Mix frames that begin where a group begins; as `ElectrodeMixer.step`, with inputs (B, 1 + F, D)."""
        x = self.pooled(frames, hidden)
        inputs = []
        for conv, before in zip(self.strided, past, strict=True):
            if lengths is not None:
                x = x * frame_mask(lengths, x.shape[1])[:, :, None]
                lengths = lengths // 2
            x = torch.cat([before, x], 1)
            inputs.append(x)
            x = functional.silu(conv(x.transpose(1, 2))).transpose(1, 2)
        return self.norm(x), tuple(inputs)

    def image(self, frames: Tensor) -> Tensor:
        """Return what every layout has of frames (B, F, N, E, K): (B, F, PLACES, K), the mean of the bands.

        Absent bins are 0. Electrodes of no ring are the same at all places: their mean.
        """
        frames = frames * self.present
        places = self.shares.to(frames.dtype) @ frames
        if not all(self.rings):
            ring = torch.tensor(self.rings, device=frames.device)[:, None, None]
            places = torch.where(ring, places, frames.mean(3, keepdim=True))
        return places.mean(2)

    def pooled(self, frames: Tensor, hidden: Tensor | None = None) -> Tensor:
        """Return one vector (B, F, D) for the electrodes of each frame (B, F, N, E, K); `hidden` as in `forward`."""
        present = self.present if hidden is None else self.present * ~hidden[:, :, None, None, None]
        places = self.shares
        if self.training and (self.turn_sd or self.reversal) and any(self.rings):
            frames, places = self._put_on(frames)
        x = self.embed(frames * present) + (1 - present) @ self.absent
        x = functional.silu(x)  # (B, F, N, E, channels)
        round_ring = places.to(x.dtype) @ x
        if not all(self.rings):
            looked_for = self.wanted(x).softmax(3).transpose(3, 4) @ x
            ring = torch.tensor(self.rings, device=x.device)[:, None, None]
            round_ring = torch.where(ring, round_ring, looked_for)
        x = functional.silu(self.flatten(round_ring.flatten(3)) + self.which[: frames.shape[2]])
        return self.project(x).mean(2)

    def _put_on(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Return frames, of rings that run the other way round reversed, and shares (B, 1, N, PLACES, E), turned.

        Draws from torch's global generator of the CPU.
        """
        count = (len(frames), frames.shape[2])
        turn = self.turn_sd * torch.randn(count)
        over = torch.rand(count) < self.reversal
        way = torch.where(over, -1.0, 1.0)[..., None]
        places = turn[..., None] + way * torch.arange(PLACES) / PLACES
        found = shares(places, frames.shape[3], self.reach).to(frames.device)[:, None]
        if self.angles and bool(over.any()):
            first = frames.shape[4] - self.angles
            seen = frames[..., first:]
            reversed_ = torch.cat([seen[..., :1], seen[..., 1:].flip(-1)], -1)
            seen = torch.where(over[:, None, :, None, None].to(frames.device), reversed_, seen)
            frames = torch.cat([frames[..., :first], seen], -1)
        return frames, found
