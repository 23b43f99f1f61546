"""The convolutional network of the Myo literature, made causal: spectrogram frames in, hidden frames out.

After the spectrogram network of Côté-Allard et al. 2019 (doi 10.1109/TNSRE.2019.2896269): a few small convolutions over
time and electrodes, frequencies as channels, PReLU, normalization and dropout, then a fully connected layer. This one
looks back alone: the frames of a window are the history of a stream. It goes round where electrodes do. It normalizes
each frame for itself, not by a batch, so that no statistics of the training people stay in the weights.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError
from emgasr.models.encoder import FrameShape
from emgasr.models.encoders.framewise import FramewiseEncoder, kept


@dataclass(frozen=True)
class CNNConfig:
    """Size and reach of the convolutional network.

    Args:
        channels: channels of each convolution, the first one's first.
        kernel: frames that each convolution looks at.
        electrodes_kernel: neighboring electrodes that each convolution looks at, an odd number.
        width: units of the fully connected layer, D.
        dropout: probability of dropout behind every layer.
    """

    kind: Literal["cnn"] = "cnn"
    channels: tuple[Annotated[int, Within(1, 4096)], ...] = (32, 64)
    kernel: Annotated[int, Within(1, 64)] = 3
    electrodes_kernel: Annotated[int, Within(1, 63)] = 3
    width: Annotated[int, Within(1, 65_536)] = 96
    dropout: Annotated[float, Within(0, 0.99)] = 0.3

    def __post_init__(self) -> None:
        check_within(self, "encoder")
        if not self.channels:
            raise ConfigError("encoder.channels", "is empty", "give one number a convolution")
        if self.electrodes_kernel % 2 == 0:
            raise ConfigError("encoder.electrodes_kernel", f"{self.electrodes_kernel} is even", "choose an odd number")

    @property
    def held_frames(self) -> int:
        """Frames that the memories of a stream span."""
        return len(self.channels) * (self.kernel - 1) + 1


class CNNState(NamedTuple):
    """The memory of a stream: the latest inputs of each convolution, (B, kernel - 1, N, channels, E)."""

    past: tuple[Tensor, ...]


class CNNEncoder(FramewiseEncoder):
    """Frames (B, F, N, E, K) to hidden frames (B, F, D); convolutions are shared by the bands of electrodes."""

    def __init__(self, config: CNNConfig, shape: FrameShape) -> None:
        super().__init__()
        bands, electrodes, bins = shape.sizes
        self.config, self.bands, self.electrodes = config, bands, electrodes
        self.width = config.width
        self.history_frames = config.held_frames - 1
        self.ring = all(shape.ring(band) for band in range(bands))
        self.inputs = (bins, *config.channels[:-1])
        kernel = (config.kernel, config.electrodes_kernel)
        sizes = list(zip(self.inputs, config.channels, strict=True))
        self.convolutions = nn.ModuleList(nn.Conv2d(first, last, kernel) for first, last in sizes)
        self.norms = nn.ModuleList(nn.LayerNorm((electrodes, last)) for last in config.channels)
        self.bends = nn.ModuleList(nn.PReLU() for _ in config.channels)
        self.connected = nn.Linear(bands * electrodes * config.channels[-1], config.width)
        self.bent = nn.PReLU()
        self.dropout = nn.Dropout(config.dropout)

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> CNNState:
        """Return the state of `batch` streams whose convolutions have seen zeros."""
        shapes = [(batch, self.config.kernel - 1, self.bands, size, self.electrodes) for size in self.inputs]
        return CNNState(tuple(torch.zeros(shape, dtype=dtype, device=device) for shape in shapes))

    def read(self, frames: Tensor, lengths: Tensor | None, state: CNNState) -> tuple[Tensor, CNNState]:
        x = frames.transpose(3, 4)  # (B, F, N, K, E)
        past = []
        for convolution, norm, bend, before in zip(self.convolutions, self.norms, self.bends, state.past, strict=True):
            joined = torch.cat([before, x], 1)
            past.append(kept(joined, lengths, before.shape[1]))
            planes = joined.permute(0, 2, 3, 1, 4).flatten(0, 1)  # (B N, channels, past + F, E)
            x = convolution(self._around(planes)).permute(0, 2, 3, 1)  # (B N, F, E, channels)
            x = self.dropout(bend(norm(x))).unflatten(0, (-1, self.bands)).permute(0, 2, 1, 4, 3)
        return self.dropout(self.bent(self.connected(x.flatten(2)))), CNNState(tuple(past))

    def _around(self, planes: Tensor) -> Tensor:
        """Return planes (…, E) with what the kernel sees on either side: a ring goes on, beyond a bar there is 0."""
        reach = self.config.electrodes_kernel // 2
        if not self.ring:
            return functional.pad(planes, (reach, reach))
        places = torch.arange(-reach, self.electrodes + reach, device=planes.device) % self.electrodes
        return planes[..., places]
