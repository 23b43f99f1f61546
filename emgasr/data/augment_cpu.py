"""Bands of samples in, the same shifted in time and turned round their rings out: one pass over memory on a CPU.

What `emgasr.data.augment` does with tensors of indices, which is right for a GPU, costs a CPU several passes.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from emgasr.runtime.compiled import compiled


def moved(bands: Tensor, lengths: Tensor, offsets: Tensor, turns: Tensor) -> Tensor:
    """Samples (B, T, N, E) on the CPU with each band `offsets` (B, N) samples later read, and `turns` (B, N) turned.

    Within the first `lengths` (B,) samples the signal's own mirror image fills the ends; what lies behind stays.
    """
    source = bands.detach().contiguous().numpy()
    out = np.empty_like(source)
    whole = (turns % source.shape[3]).long().numpy()
    _move(source, lengths.long().numpy(), offsets.long().contiguous().numpy(), whole, out)
    return torch.from_numpy(out)


@compiled(nogil=True)
def _move(source, lengths, offsets, turns, out):  # type: ignore[no-untyped-def]
    batch, count, bands, electrodes = source.shape
    for item in range(batch):
        last = max(lengths[item] - 1, 0)
        for band in range(bands):
            offset, turn = offsets[item, band], turns[item, band]
            first_plain, end_plain = max(0, -offset), min(last, last - offset) + 1
            for now in range(count):
                at = now
                if first_plain <= now < end_plain:
                    at = now + offset
                elif now <= last:
                    at = abs(now + offset)
                    at = min(abs(last - abs(last - at)), last)
                row, made = source[item, at, band], out[item, now, band]
                if turn == 0:
                    for electrode in range(electrodes):
                        made[electrode] = row[electrode]
                else:
                    for electrode in range(electrodes - turn):
                        made[electrode + turn] = row[electrode]
                    for electrode in range(turn):
                        made[electrode] = row[electrode + electrodes - turn]
