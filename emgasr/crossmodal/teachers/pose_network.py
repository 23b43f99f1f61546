"""Windows of joint angles in; tokens of each window and of each of its patches, and guesses of hidden ones, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.config.bounds import Within, check_within
from emgasr.errors import ConfigError

LEAST_SD = 1e-6  # of an angle that never moves


@dataclass(frozen=True)
class PoseConfig:
    """A masked autoencoder of pose (He et al. 2021, arXiv 2111.06377, as CPEP and EMBridge use it).

    Args:
        window_s: seconds of pose that one embedding is of, those before its time.
        frame_rate_hz: frames a second that a window is brought to.
        patch_frames: frames of all joints that make one token.
        relative: whether angles are told from the median posture of their recording, for which no label is read.
        width: of the network.
        blocks: layers of the encoder.
        decoder_blocks: layers of the decoder, which serves training alone.
        heads: of attention.
        masked: share of the patches that are hidden from the encoder.
        batch_size: windows a batch.
    """

    window_s: Annotated[float, Within(0.01, 1e4)] = 1.5
    frame_rate_hz: Annotated[float, Within(0.1, 1e6)] = 20.0
    patch_frames: Annotated[int, Within(1, 1024)] = 3
    relative: bool = True
    width: Annotated[int, Within(4, 1024)] = 64
    blocks: Annotated[int, Within(1, 64)] = 2
    decoder_blocks: Annotated[int, Within(1, 64)] = 1
    heads: Annotated[int, Within(1, 64)] = 4
    masked: Annotated[float, Within(0, 0.95)] = 0.5
    batch_size: Annotated[int, Within(1, 1e6)] = 64

    def __post_init__(self) -> None:
        check_within(self, "pose")
        if self.width % self.heads:
            raise ConfigError("pose.heads", f"{self.heads} do not divide the width {self.width}", "give a divisor")
        if self.frames % self.patch_frames or self.frames < self.patch_frames:
            wrong = f"{self.frames} frames of a window are no whole patches of {self.patch_frames}"
            raise ConfigError("pose.patch_frames", wrong, "change window_s, frame_rate_hz or patch_frames")

    @property
    def frames(self) -> int:
        """F, of a window."""
        return round(self.window_s * self.frame_rate_hz)

    @property
    def patches(self) -> int:
        """F', of a window."""
        return self.frames // self.patch_frames


class PoseAutoencoder(nn.Module):
    """Windows (n, F, C) to tokens, one of the window and one of each patch; training guesses the patches it hides.

    Args:
        config: sizes and masks.
        mean: (C,) of the training windows' angles.
        sd: (C,) of them.
    """

    mean: Tensor
    sd: Tensor
    center: Tensor

    def __init__(self, config: PoseConfig, mean: Tensor, sd: Tensor) -> None:
        super().__init__()
        self.config, width = config, config.width
        self.register_buffer("mean", mean)
        self.register_buffer("sd", sd.clamp(min=LEAST_SD))
        size = config.patch_frames * len(mean)
        self.patch = nn.Linear(size, width)
        self.places = nn.Parameter(torch.empty(1 + config.patches, width))
        self.whole = nn.Parameter(torch.zeros(width))
        self.encoder = _blocks(config, config.blocks)
        self.norm = nn.LayerNorm(width)
        self.hidden = nn.Parameter(torch.zeros(width))
        self.decoder_places = nn.Parameter(torch.empty(1 + config.patches, width))
        self.decoder = _blocks(config, config.decoder_blocks)
        self.guess = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, size))
        for parameter in (self.places, self.decoder_places):
            nn.init.normal_(parameter, std=0.02)
        self.register_buffer("center", torch.zeros(2, width))  # of tokens of windows, and of patches

    def normalized(self, windows: Tensor) -> Tensor:
        """Return windows (n, F, C) z-scored by the training windows, as patches (n, F', patch_frames * C)."""
        scored = (windows - self.mean) / self.sd
        return scored.unflatten(1, (self.config.patches, self.config.patch_frames)).flatten(2)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the tokens (n, 1 + F', width) of windows: that of the whole window first."""
        return self.encoded(self.normalized(windows))

    def centered(self, tokens: Tensor) -> Tensor:
        """Return tokens (n, 1 + F', width) less their means over the training windows (`measure`)."""
        return tokens - self.center[[0] + [1] * self.config.patches]

    @torch.no_grad()
    def measure(self, windows: Tensor, together: int = 1024) -> None:
        """Set the means of windows' and of patches' tokens to those over windows (n, F, C)."""
        was = self.training
        self.eval()
        tokens = [self(part.to(self.places.device)).double() for part in windows.split(together)]
        for row, places in enumerate((slice(0, 1), slice(1, None))):
            self.center[row] = torch.cat([part[:, places].flatten(0, 1) for part in tokens]).mean(0)
        self.train(was)

    def losses(self, windows: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error of all patches; draws what is hidden from torch's global generator.

        The decoder reads the token of the whole window alone, so that this has to hold what the patches show.
        """
        wanted = self.normalized(windows)
        count, patches, _ = wanted.shape
        seen = max(1, round(patches * (1 - self.config.masked)))
        kept = torch.rand(count, patches).argsort(1)[:, :seen].sort(1).values.to(wanted.device)
        tokens = self.encoded(wanted, kept)
        joined = torch.cat([tokens[:, :1], self.hidden.expand(count, patches, -1)], 1) + self.decoder_places
        guessed = self.guess(self.decoder(joined)[:, 1:])
        return {"masked": functional.mse_loss(guessed, wanted)}

    def encoded(self, patches: Tensor, kept: Tensor | None = None) -> Tensor:
        """Return the tokens (n, 1 + S, width) of normalized patches (n, F', D): of those `kept` (n, S), or of all."""
        tokens = self.patch(patches) + self.places[1:]
        if kept is not None:
            tokens = tokens.gather(1, kept[..., None].expand(-1, -1, tokens.shape[2]))
        first = (self.whole + self.places[0]).expand(len(tokens), 1, -1)
        return self.norm(self.encoder(torch.cat([first, tokens], 1)))


def _blocks(config: PoseConfig, count: int) -> nn.TransformerEncoder:
    layer = nn.TransformerEncoderLayer(
        config.width, config.heads, 4 * config.width, 0.0, functional.gelu, batch_first=True, norm_first=True
    )
    return nn.TransformerEncoder(layer, count, enable_nested_tensor=False)
