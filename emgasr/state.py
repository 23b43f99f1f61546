"""States of streams in, states of the streams that step together out; values joined and cut, each stream by its count.

A stage (features, normalization, encoder, recognizer) reads whole recordings by `forward` and streams by `start`,
`step`, `flush` and `advance`. Its state is a NamedTuple of tensors of fixed shapes, the batch of streams first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import torch
from torch import Tensor


class Stage(Protocol):
    """Every stage of the acoustic model has these methods, so that streaming is not a second implementation.

    The law: for any way to cut a recording into chunks, what `step` and `flush` return is, one behind the other, what
    `forward` returns for the whole recording.

    Shapes: values (B, T, ...) are samples or frames, time second; lengths (B,) count the valid ones of each stream.
    """

    def start(self, batch: int, dtype: torch.dtype, device: torch.device) -> Any:
        """Return the state of `batch` streams that have received nothing."""

    def step(self, values: Tensor, lengths: Tensor, state: Any) -> tuple[Tensor, Tensor, Any]:
        """Return the output that the next values complete, its lengths (B,), and the new state.

        Streams may stand at different points and receive different numbers of values. Reads lengths on the host.
        """

    def flush(self, state: Any) -> tuple[Tensor, Tensor]:
        """Return the output that is left when the streams end, and its lengths (B,)."""

    def advance(self, values: Tensor, state: Any) -> tuple[Tensor, Any]:
        """Return the output of whole chunks, and the new state: as `step`, but pure tensors of fixed shapes.

        All values are valid and no stream holds back anything, so nothing is read on the host and the call can be
        traced, compiled and exported.
        """


def frame_mask(lengths: Tensor, frames: int) -> Tensor:
    """Return (B, F) bool: True for the valid frames of each item, given `lengths` (B,)."""
    return torch.arange(frames, device=lengths.device) < lengths.unsqueeze(1)


def same(lengths: Tensor) -> int | None:
    """Return the number that all of `lengths` (B,) are, None if they differ; reads them on the host."""
    values = lengths.tolist()
    return int(values[0]) if values and min(values) == max(values) else None


def join(held: Tensor, held_lengths: Tensor, new: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Put the new values of each stream right behind its held ones.

    Args:
        held: (B, H, ...) values of earlier steps, of which the first `held_lengths` (B,) are valid.
        new: (B, T, ...) values, of which the first `lengths` (B,) are valid.

    Returns:
        The joined values and how many of each stream are valid (B,). Where all streams agree, nothing is gathered.
    """
    first, second = same(held_lengths), same(lengths)
    if first is not None and second is not None:
        return torch.cat([held[:, :first], new[:, :second]], 1), held_lengths + lengths
    place = torch.arange(int((held_lengths + lengths).max()), device=new.device)
    beyond = place >= held_lengths[:, None]
    index = torch.where(beyond, place + held.shape[1] - held_lengths[:, None], place)
    return _rows(torch.cat([held, new], 1), index), held_lengths + lengths


def part(values: Tensor, starts: Tensor, size: int) -> Tensor:
    """Return a copy (B, size, ...) of the values of each stream from its start (B,) on.

    What lies behind the end of a stream is padding without meaning. Reads the starts on the host.
    """
    start = same(starts)
    if start is None:
        return _rows(values, starts[:, None] + torch.arange(size, device=values.device))
    found = values[:, start : start + size]
    if found.shape[1] == size:
        return found.clone()  # a view would keep the whole chunk alive
    return torch.cat([found, values.new_zeros(len(values), size - found.shape[1], *values.shape[2:])], 1)


def latest(values: Tensor, size: int) -> Tensor:
    """Return a copy (B, size, ...) of the last values of streams whose values are all valid."""
    return values[:, values.shape[1] - size :].clone()


def _rows(values: Tensor, index: Tensor) -> Tensor:
    streams = torch.arange(len(values), device=values.device)[:, None]
    return values[streams, index.clamp(max=values.shape[1] - 1)]


def map_state(function: Callable[..., Tensor], *states: Any) -> Any:
    """Return the state whose tensors are `function` of those of `states`, which are of one kind."""
    first = states[0]
    if isinstance(first, Tensor):
        return function(*states)
    fields = [map_state(function, *parts) for parts in zip(*states, strict=True)]
    return type(first)(*fields) if hasattr(first, "_fields") else tuple(fields)


def merge_streams(states: Sequence[Any]) -> Any:
    """Return one state of the streams of several states, which then step together."""
    return map_state(lambda *tensors: torch.cat(tensors), *states)


def select_streams(state: Any, streams: Sequence[int]) -> Any:
    """Return the state of some streams of a batch, by number, to go on without the others."""
    return map_state(lambda tensor: tensor[torch.as_tensor(streams, dtype=torch.long, device=tensor.device)], state)


def replace_streams(state: Any, streams: Sequence[int], by: Any) -> Any:
    """Return the state of a batch with some of its streams, by number, replaced by those of the state `by`."""

    def replaced(tensor: Tensor, new: Tensor) -> Tensor:
        return tensor.index_copy(0, torch.as_tensor(streams, dtype=torch.long, device=tensor.device), new)

    return map_state(replaced, state, by)


def update_streams(ready: Tensor, new: Any, old: Any) -> Any:
    """Return the new state of the streams that are `ready` (B,) bool, and the old one of the others."""
    return map_state(lambda now, then: torch.where(ready.view(-1, *[1] * (now.dim() - 1)), now, then), new, old)


def tensors_of(state: Any, name: str = "state") -> dict[str, Tensor]:
    """Return every tensor of a state by a name of its own, as safetensors files hold them."""
    if isinstance(state, Tensor):
        return {name: state.contiguous()}
    names = getattr(state, "_fields", None) or map(str, range(len(state)))
    parts = (tensors_of(field, f"{name}.{key}") for key, field in zip(names, state, strict=True))
    return {key: tensor for tensors in parts for key, tensor in tensors.items()}


def state_of(tensors: dict[str, Tensor], like: Any, name: str = "state") -> Any:
    """Return the state that `tensors_of` took apart; `like` is a state of the same kind, as `start` returns it."""
    if isinstance(like, Tensor):
        return tensors[name]
    names = getattr(like, "_fields", None) or map(str, range(len(like)))
    parts = [state_of(tensors, field, f"{name}.{key}") for key, field in zip(names, like, strict=True)]
    return type(like)(*parts) if hasattr(like, "_fields") else tuple(parts)
