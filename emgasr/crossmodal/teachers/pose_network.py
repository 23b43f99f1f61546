"""Windows of joint angles in; an embedding of each window and of each of its patches, and guesses of hidden ones, out."""

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
        masked_joints: share of the joints that are hidden in the patches that it sees.
        turned: standard deviation of a random constant that is added to each joint's angle, in standard deviations; the
            decoder has to guess the angle without it.
        batch_size: windows a batch.
    """

    window_s: Annotated[float, Within(0.01, 1e4)] = 1.5
    frame_rate_hz: Annotated[float, Within(0.1, 1e6)] = 20.0
    patch_frames: Annotated[int, Within(1, 1024)] = 3
    relative: bool = True
    width: Annotated[int, Within(4, 1024)] = 96
    blocks: Annotated[int, Within(1, 64)] = 3
    decoder_blocks: Annotated[int, Within(1, 64)] = 1
    heads: Annotated[int, Within(1, 64)] = 4
    masked: Annotated[float, Within(0, 0.95)] = 0.5
    masked_joints: Annotated[float, Within(0, 0.9)] = 0.0
    turned: Annotated[float, Within(0, 10)] = 0.0
    batch_size: Annotated[int, Within(1, 1e6)] = 128
    bottleneck: bool = False

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
    spread: Tensor

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
        self.register_buffer("spread", torch.ones(2, width))

    def normalized(self, windows: Tensor) -> Tensor:
        """Return windows (n, F, C) z-scored by the training windows, as patches (n, F', patch_frames * C)."""
        scored = (windows - self.mean) / self.sd
        return scored.unflatten(1, (self.config.patches, self.config.patch_frames)).flatten(2)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the tokens (n, 1 + F', width) of windows: that of the whole window first."""
        return self._encoded(self.normalized(windows), None)

    def standardized(self, tokens: Tensor) -> Tensor:
        """Return tokens (n, 1 + F', width) z-scored by those of the training windows (`measure`)."""
        kinds = torch.tensor([0] + [1] * (tokens.shape[1] - 1), device=tokens.device)
        return (tokens - self.center[kinds]) / self.spread[kinds]

    @torch.no_grad()
    def measure(self, windows: Tensor, together: int = 1024) -> None:
        """Set what tokens are z-scored by: mean and standard deviation of those of windows (n, F, C)."""
        was = self.training
        self.eval()
        found = [self(part.to(self.places.device)) for part in windows.split(together)]
        self.train(was)
        tokens = torch.cat(found)
        for row, kind in enumerate((tokens[:, :1], tokens[:, 1:])):
            flat = kind.flatten(0, 1).double()
            self.center[row], self.spread[row] = flat.mean(0), flat.std(0, correction=0).clamp(min=LEAST_SD)

    def losses(self, windows: Tensor) -> dict[str, Tensor]:
        """Return the mean squared error of the patches that are hidden; draws from torch's global generator."""
        wanted = self.normalized(windows)
        count, patches, _ = wanted.shape
        seen = max(1, round(patches * (1 - self.config.masked)))
        order = torch.rand(count, patches).to(wanted.device).argsort(1)
        kept = order[:, :seen].sort(1).values
        given = self._varied(wanted)
        tokens = self._encoded(given, kept)
        row = torch.arange(count, device=wanted.device)[:, None]
        spread = self.hidden.expand(count, patches, -1).clone()
        if not self.config.bottleneck:
            spread[row, kept] = tokens[:, 1:].to(spread.dtype)
        joined = torch.cat([tokens[:, :1], spread], 1) + self.decoder_places
        guessed = self.guess(self.decoder(joined)[:, 1:])
        error = (guessed - wanted).square().mean(2)
        if not self.config.turned and not self.config.masked_joints and not self.config.bottleneck:
            hides = torch.ones(count, patches, device=wanted.device)
            hides[row, kept] = 0.0
            return {"masked": (error * hides).sum() / hides.sum().clamp(min=1)}
        return {"masked": error.mean()}

    def _varied(self, patches: Tensor) -> Tensor:
        joints = len(self.mean)
        shaped = patches.unflatten(2, (self.config.patch_frames, joints))
        if self.config.turned:
            constant = torch.randn(len(patches), 1, 1, joints).to(patches.device)
            shaped = shaped + self.config.turned * constant
        if self.config.masked_joints:
            shown = torch.rand(len(patches), 1, 1, joints).to(patches.device) >= self.config.masked_joints
            shaped = shaped * shown
        return shaped.flatten(2)

    def _encoded(self, patches: Tensor, kept: Tensor | None) -> Tensor:
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
