"""A count of the numbers that are read from tensors on the host, each of which makes a GPU wait."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode

READS = {
    getattr(torch.Tensor, name)
    for name in ("item", "tolist", "numpy", "__bool__", "__int__", "__float__", "__index__", "__array__", "nonzero")
} | {torch.equal, torch.nonzero}


class HostReads(TorchFunctionMode):
    """Counts reads while it is active: `with HostReads() as reads: …; assert reads.count == 0`."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.count += func in READS
        return func(*args, **(kwargs or {}))
