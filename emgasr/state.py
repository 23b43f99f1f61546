"""What streams carry from one chunk to the next: joined with what comes, cut to what goes on; each stream by its count.

The streams of a batch share every forward pass, whenever each of them began: they may hold different numbers of values
and get different numbers of new ones. Where they all have the same, nothing is gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """(B, F) bool: True for the valid frames of each item, given `lengths` (B,)."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)


def same(lengths: Tensor) -> int | None:
    """The number that all of `lengths` (B,) are, None if they differ."""
    values = lengths.tolist()
    return int(values[0]) if values and min(values) == max(values) else None


def join(held: Tensor, held_lengths: Tensor, new: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Each stream's held values (B, H, ...) with its new ones (B, F, ...) right behind them, and how many they are."""
    first, second = same(held_lengths), same(lengths)
    if first is not None and second is not None:
        return torch.cat([held[:, :first], new[:, :second]], 1), held_lengths + lengths
    place = torch.arange(int((held_lengths + lengths).max()), device=new.device)
    beyond = place >= held_lengths[:, None]
    index = torch.where(beyond, place + held.shape[1] - held_lengths[:, None], place)
    return _rows(torch.cat([held, new], 1), index), held_lengths + lengths


def part(values: Tensor, starts: Tensor, size: int) -> Tensor:
    """A copy (B, size, ...) of each stream's values from its start on; what lies behind their end means nothing."""
    start = same(starts)
    if start is None:
        return _rows(values, starts[:, None] + torch.arange(size, device=values.device))
    found = values[:, start : start + size]
    if found.shape[1] == size:
        return found.clone()  # a view would keep the whole chunk alive
    return torch.cat([found, values.new_zeros(len(values), size - found.shape[1], *values.shape[2:])], 1)


def _rows(values: Tensor, index: Tensor) -> Tensor:
    streams = torch.arange(len(values), device=values.device)[:, None]
    return values[streams, index.clamp(max=values.shape[1] - 1)]


def gathered(states: Sequence[Any]) -> Any:
    """One state of several streams' states (NamedTuples of tensors, the batch first), which then step together."""
    first = states[0]
    if isinstance(first, Tensor):
        return torch.cat(list(states))
    parts = [gathered(fields) for fields in zip(*states, strict=True)]
    return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)


def chosen(state: Any, streams: Sequence[int]) -> Any:
    """The state of some streams of a batch, by number, to go on without the others."""
    if isinstance(state, Tensor):
        return state[torch.as_tensor(streams, dtype=torch.long, device=state.device)]
    parts = [chosen(field, streams) for field in state]
    return type(state)(*parts) if hasattr(state, "_fields") else tuple(parts)


def tensors_of(state: Any, name: str = "state") -> dict[str, Tensor]:
    """Every tensor of a state by a name of its own, as safetensors files hold them."""
    if isinstance(state, Tensor):
        return {name: state.contiguous()}
    names = getattr(state, "_fields", None) or map(str, range(len(state)))
    parts = (tensors_of(field, f"{name}.{key}") for key, field in zip(names, state, strict=True))
    return {key: tensor for tensors in parts for key, tensor in tensors.items()}


def state_of(tensors: dict[str, Tensor], like: Any, name: str = "state") -> Any:
    """The state that `tensors_of` took apart; `like` is a state of the same kind, as `start` gives it."""
    if isinstance(like, Tensor):
        return tensors[name]
    names = getattr(like, "_fields", None) or map(str, range(len(like)))
    parts = [state_of(tensors, field, f"{name}.{key}") for key, field in zip(names, like, strict=True)]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
