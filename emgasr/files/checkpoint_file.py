"""A checkpoint of PyTorch in; its tensors and plain values out. No code of it runs, and nothing grows.

A checkpoint is a zip archive of a pickle and of the tensors' bytes. The reader compares each tensor's claim with the
bytes in the file: a view can claim a billion numbers of one, and a packed archive can unfold without end.
"""

from __future__ import annotations

import pickle
import pickletools
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from emgasr.errors import EmgasrError, ModelError
from emgasr.files.regular_file import status_of

LARGEST_PICKLE = 2**26  # bytes of the pickle alone: names, shapes, settings
# What PyTorch lets a checkpoint call with a size of its choice.
ALLOCATES = ("bytearray", "bytes")
_ADVICE = "fetch the checkpoint again"

# Returns the stand-in for a class that a checkpoint names: (object, its full name); raises for one that it refuses.
StandIn = Callable[[str], tuple[Any, str]]


def read_checkpoint(path: Path, stand_in: StandIn | None = None, device: torch.device | str = "cpu") -> Any:
    """Return what a checkpoint holds; a ModelError for one that is damaged, unsafe, or claims more than its bytes."""
    size = _check_archive(path)
    named: Sequence[tuple[Any, str]] = ()
    try:
        if stand_in is not None:
            named = [stand_in(name) for name in torch.serialization.get_unsafe_globals_in_checkpoint(str(path))]
        with torch.serialization.safe_globals(list(named)):
            content = torch.load(path, map_location=device, weights_only=True)
    except EmgasrError:
        raise
    except pickle.UnpicklingError as error:
        raise ModelError(
            path, f"needs more than data to load ({_first_line(error)})", "give its weights alone"
        ) from error
    except Exception as error:  # torch documents no exceptions of its own for damaged archives
        raise ModelError(path, f"cannot be read ({_first_line(error)})", _ADVICE) from error
    _check_tensors(path, content, size)
    return content


def _check_archive(path: Path) -> int:
    """Return the file's size; a ModelError unless it is an archive of stored, not packed, parts that fit into it."""
    size = status_of(path, ModelError, "give a checkpoint (.ckpt or .pt)").st_size
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            packed = any(part.compress_type != zipfile.ZIP_STORED for part in parts)
            if packed or sum(part.file_size for part in parts) > size:
                raise ModelError(path, "is packed, or claims parts that are larger than the file", _ADVICE)
            for part in parts:
                if not part.CRC:
                    del part.CRC  # PyTorch was told to write none, so that there is nothing to compare
                if part.filename.endswith("data.pkl"):
                    _check_pickle(path, archive.read(part) if part.file_size <= LARGEST_PICKLE else None)
                with archive.open(part) as content:  # PyTorch itself does not compare checksums
                    while content.read(1 << 20):
                        pass
    except OSError as error:
        raise ModelError(path, f"cannot be read ({error.strerror or error})", "check the path") from error
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OverflowError) as error:
        raise ModelError(path, "is damaged, cut off, or no checkpoint of PyTorch", _ADVICE) from error
    return size


def _check_pickle(path: Path, content: bytes | None) -> None:
    """Refuse a pickle that is too long, or that calls a function which allocates as many bytes as the pickle says."""
    if content is None:
        raise ModelError(path, f"describes its tensors in more than {LARGEST_PICKLE:,} bytes", _ADVICE)
    try:
        for code, argument, _ in pickletools.genops(content):
            if code.name == "GLOBAL" and str(argument).rpartition(" ")[2] in ALLOCATES:
                raise ModelError(path, f"would run {argument} to load", "give its weights alone")
    except ValueError as error:
        raise ModelError(path, f"cannot be read ({_first_line(error)})", _ADVICE) from error


def _check_tensors(path: Path, content: Any, size: int) -> None:
    """Refuse tensors that claim more numbers than they hold, or together more bytes than the file has."""
    claimed = 0
    seen: set[int] = set()
    storages: set[int] = set()
    below = [content]
    while below:
        value = below.pop()
        if id(value) in seen:
            continue
        if isinstance(value, Tensor):
            if value.layout != torch.strided or value.is_quantized or value.device.type == "meta":
                raise ModelError(path, f"holds a tensor of another kind ({value.layout}, {value.device})", _ADVICE)
            storage = value.untyped_storage()
            if value.numel() * value.element_size() > storage.nbytes():
                wrong = f"a tensor claims {value.numel():,} numbers, and holds {storage.nbytes():,} bytes"
                raise ModelError(path, wrong, _ADVICE)
            if storage.data_ptr() not in storages:
                storages.add(storage.data_ptr())
                claimed += storage.nbytes()
        elif isinstance(value, dict):
            below += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            below += value
        seen.add(id(value))
    if claimed > size:
        raise ModelError(path, f"its tensors claim {claimed:,} bytes of a file of {size:,}", _ADVICE)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:120]
