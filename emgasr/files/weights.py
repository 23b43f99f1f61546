"""A safetensors file in; weights that match a model's parameters, checked before the model is built, out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from torch import Tensor

from emgasr.errors import ModelError
from emgasr.files.regular_file import status_of

LARGEST_HEADER = 2**22  # bytes; a model of 1000 blocks needs less
_ADVICE = "copy the model folder again"
NEVER_BELOW_0 = ("running_var", "variance", "num_batches_tracked")
_FLOATS = ("F16", "BF16", "F32", "F64")


class Kind(NamedTuple):
    """Shape of a tensor, and whether its values are floating-point numbers."""

    shape: tuple[int, ...]
    floating: bool


def kinds_in(path: Path) -> dict[str, Kind]:
    """Return each tensor's kind from the header, which safetensors itself checks against the file's size."""
    size = status_of(path, ModelError, _ADVICE).st_size
    try:
        with open(path, "rb") as file:
            told = int.from_bytes(file.read(8), "little")
        if not 8 + told <= size or told > LARGEST_HEADER:
            raise ModelError(path, f"cannot be read (its header claims {told:,} bytes, the file has {size:,})", _ADVICE)
        found = {}
        with safe_open(path, "pt") as weights:
            for name in weights.keys():  # noqa: SIM118  (it is no mapping)
                part = weights.get_slice(name)
                found[name] = Kind(tuple(part.get_shape()), part.get_dtype() in _FLOATS)
        return found
    except (OSError, SafetensorError) as error:
        raise ModelError(path, f"cannot be read ({str(error)[:80]})", _ADVICE) from error


def check_kinds(path: Path, wanted: Mapping[str, Tensor], found: Mapping[str, Kind]) -> None:
    """Raise a ModelError that names the first tensor in which `found` differs from `wanted` (any device)."""
    for name in sorted(wanted.keys() | found.keys()):
        want = Kind(tuple(wanted[name].shape), wanted[name].is_floating_point()) if name in wanted else None
        have = found.get(name)
        if want != have:
            wrong = f"{name[:80]} is {_shown(have)} here and {_shown(want)} in config.yaml"
            raise ModelError(path, f"holds other parameters than config.yaml describes ({wrong})", "restore both files")


def read_weights(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a file; a ModelError if a number in them is none that training gives."""
    try:
        weights: dict[str, Tensor] = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ModelError(path, f"cannot be read ({str(error)[:80]})", _ADVICE) from error
    for name, value in weights.items():
        check_numbers(path, name, value, _ADVICE)
    return weights


def check_numbers(path: Path, name: str, value: Tensor, advice: str) -> None:
    """Raise a ModelError for NaN, infinity, and a variance or a count below 0: no training gives them."""
    if not torch.isfinite(value).all():
        raise ModelError(path, f"holds weights that are not finite ({name[:80]})", advice)
    if name.rpartition(".")[2] in NEVER_BELOW_0 and (value < 0).any():
        raise ModelError(path, f"holds {name[:80]} below 0, so it is damaged", advice)


def _shown(kind: Kind | None) -> str:
    if kind is None:
        return "missing"
    numbers = "numbers" if kind.floating else "whole numbers"
    return f"{' x '.join(map(str, kind.shape)) or 'one'} {numbers}"
