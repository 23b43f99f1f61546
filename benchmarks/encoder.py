"""How fast the Conformer M trains and reads beside the published TDS network, in one run, the two by turns.

`python benchmarks/encoder.py [--json] [--threads 2] [--rounds 5]`: both get the same precomputed log-spectrogram frames
of a batch of 32 windows of 4 s (2 kHz, 2 x 16 electrodes, 99 tokens, 16 labels a window). A training step is encoder,
head, CTC loss, gradients, clipping and AdamW, float32 on the CPU; a forward pass is encoder, head and log-softmax
without gradients. The front end (spectrogram, running normalization, in training augmentation) costs both the same: it
is timed by itself, and added to both for the ratios "with front end". Figures are medians over the rounds. Run it on a
machine that does nothing else: threads that wait for one another make short operations look slow.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from emgasr.data.augment import Augment, AugmentConfig
from emgasr.frontend.features import LogSpectrogramConfig, build_features
from emgasr.frontend.normalize import NormalizeConfig, RunningNormalize
from emgasr.models.conformer import SIZES, ConformerEncoder
from emgasr.models.encoder import FrameShape
from emgasr.models.tds import TDSConfig, TDSEncoder

RATE_HZ, BANDS, ELECTRODES, TOKENS = 2000.0, 2, 16, 99
WINDOWS, WINDOW_S, LABELS = 32, 4.0, 16  # 4 keys a second, as emg2qwerty's typists


class FrontEnd(nn.Module):
    """Samples (B, T, C) to normalized, augmented frames (B, F, N, E, K) and their lengths."""

    def __init__(self) -> None:
        super().__init__()
        self.features = build_features(LogSpectrogramConfig(), RATE_HZ, BANDS, ELECTRODES)
        shape = (BANDS, self.features.electrodes, self.features.bins)
        self.normalize = RunningNormalize(NormalizeConfig(), self.features.frame_rate_hz, shape)
        self.augment = Augment(AugmentConfig(), RATE_HZ, [True] * BANDS, shape)

    @torch.no_grad()
    def forward(self, samples: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        frames, frame_lengths = self.features(self.augment.samples(samples, lengths), lengths)
        frames, frame_lengths = self.normalize(frames, frame_lengths)
        return self.augment.frames(frames, frame_lengths), frame_lengths


class Network:
    """An encoder with its linear head and AdamW."""

    def __init__(self, encoder: ConformerEncoder | TDSEncoder) -> None:
        self.encoder = encoder
        self.head = nn.Linear(encoder.width, TOKENS)
        self.parameters = [*encoder.parameters(), *self.head.parameters()]
        self.optimizer = torch.optim.AdamW(self.parameters, lr=1e-4)

    def log_probs(self, frames: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        hidden, lengths, _ = self.encoder(frames, lengths)
        return torch.log_softmax(self.head(hidden), -1), lengths

    def train_step(self, frames: Tensor, lengths: Tensor, targets: Tensor) -> None:
        self.encoder.train()
        log_probs, lengths = self.log_probs(frames, lengths)
        counts = torch.full((len(targets),), targets.shape[1])
        loss = functional.ctc_loss(log_probs.transpose(0, 1), targets, lengths, counts, zero_infinity=True)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimizer.step()

    @torch.inference_mode()
    def forward(self, frames: Tensor, lengths: Tensor) -> None:
        self.encoder.eval()
        self.log_probs(frames, lengths)


def measure(rounds: int) -> dict[str, Any]:
    """Return the medians in seconds and their ratios; every round times each part once, in turn."""
    torch.manual_seed(0)
    samples = 50 * torch.randn(WINDOWS, round(WINDOW_S * RATE_HZ), BANDS * ELECTRODES)
    lengths = torch.full((WINDOWS,), samples.shape[1])
    targets = torch.randint(1, TOKENS, (WINDOWS, LABELS))
    front_end = FrontEnd()
    frames, counts = front_end.eval()(samples, lengths)
    shape = (BANDS, ELECTRODES, frames.shape[-1])
    tds = Network(TDSEncoder(TDSConfig(padding="none"), FrameShape(*shape)))
    conformer = Network(ConformerEncoder(SIZES["M"], FrameShape(*shape)))
    parts: dict[str, Callable[[], object]] = {
        "front_end train": lambda: front_end.train()(samples, lengths),
        "front_end forward": lambda: front_end.eval()(samples, lengths),
        "tds train": lambda: tds.train_step(frames, counts, targets),
        "conformer_m train": lambda: conformer.train_step(frames, counts, targets),
        "tds forward": lambda: tds.forward(frames, counts),
        "conformer_m forward": lambda: conformer.forward(frames, counts),
    }
    times: dict[str, list[float]] = {name: [] for name in parts}
    for turn in range(rounds + 1):
        for name, part in parts.items():
            started = time.perf_counter()
            part()
            if turn:  # the first round warms up
                times[name].append(time.perf_counter() - started)
    result: dict[str, Any] = {"threads": torch.get_num_threads(), "rounds": rounds, "torch": torch.__version__}
    result |= {"windows": WINDOWS, "window_s": WINDOW_S}
    for name in ("front_end", "conformer_m", "tds"):
        result[name] = {}
        for kind in ("train", "forward"):
            result[name][f"{kind}_s"] = round(statistics.median(times[f"{name} {kind}"]), 4)
            result[name][f"{kind}_min_s"] = round(min(times[f"{name} {kind}"]), 4)
    for network, name in ((conformer, "conformer_m"), (tds, "tds")):
        result[name]["parameters"] = sum(p.numel() for p in network.parameters)
    for kind in ("train", "forward"):
        theirs, ours, front = (result[name][f"{kind}_s"] for name in ("tds", "conformer_m", "front_end"))
        result[f"{kind}_ratio"] = round(theirs / ours, 2)
        result[f"{kind}_ratio_with_front_end"] = round((theirs + front) / (ours + front), 2)
    return result


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{'':22}{'parameters':>12}{'training step':>15}{'forward':>12}"]
    for name in ("tds", "conformer_m", "front_end"):
        row = result[name]
        parameters = f"{row['parameters']:,}" if "parameters" in row else ""
        lines.append(f"{name:22}{parameters:>12}{row['train_s']:>13.3f} s{row['forward_s']:>10.3f} s")
    for title, ending in (("times faster", ""), ("  with the front end", "_with_front_end")):
        lines.append(f"{title:34}{result['train_ratio' + ending]:>15}{result['forward_ratio' + ending]:>12}")
    batch = f"batch of {result['windows']} windows of {result['window_s']:g} s"
    lines.append(f"{batch}, {result['threads']} threads, median of {result['rounds']} rounds, torch {result['torch']}")
    return "\n".join(lines)


def main() -> None:
    """Measure and print the figures as a table or as JSON."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    result = measure(options.rounds)
    print(json.dumps(result) if options.json else table(result))


if __name__ == "__main__":
    main()
