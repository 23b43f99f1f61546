"""Takes in, their feature frames out, made of takes of like length together: many small takes cost little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from emgasr.data.compose import Take
from emgasr.models.recognizer import Recognizer

TOGETHER = 64  # takes, at most
MOST_SAMPLES = 1 << 19  # of takes made together, padding included


@torch.no_grad()
def frames_of_takes(model: Recognizer, takes: Sequence[Take], longest_s: float = 0.0) -> Iterator[tuple[int, Tensor]]:
    """Yield each take's place and its frames (F, N, E, K), its mean removed; in no given order.

    Args:
        longest_s: most of a take that is read; 0: all of it.
    """
    device = model.head.weight.device
    most = round(longest_s * model.signal.rate_hz) if longest_s else None
    for places in _together([len(take.samples[:most]) for take in takes]):
        cut = [takes[place].samples[:most] for place in places]
        lengths = torch.tensor([len(samples) for samples in cut])
        padded = np.zeros((len(cut), max(map(len, cut)), cut[0].shape[1]), np.float32)
        for row, samples in enumerate(cut):
            padded[row, : len(samples)] = samples - samples.mean(0)
        frames, counts = model.features(torch.from_numpy(padded).to(device), lengths.to(device))
        for place, own, count in zip(places, frames, counts.tolist(), strict=True):
            yield place, own[:count]


def _together(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Yield places, of like lengths together."""
    group: list[int] = []
    for place in sorted(range(len(lengths)), key=lengths.__getitem__):
        if group and (len(group) == TOGETHER or (len(group) + 1) * lengths[place] > MOST_SAMPLES):
            yield group
            group = []
        group.append(place)
    if group:
        yield group
