"""HDF5 files in, valid ones that lie out: attributes and datasets of other types, shapes, places or meanings."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from random import Random
from typing import Any

import h5py
import numpy as np

from .texts import WORDS
from .trees import DEPTHS, change_node

NUMBERS: tuple[Any, ...] = (float("nan"), float("inf"), -1.0, 0, -1, 1e308, 2**62, b"x", "x", [1.0, 2.0], np.float32(3))
LARGEST = 2**22  # values
TYPES = ("<i2", "<f8", ">f4", "<f2", "u1", "<c8", "S4", "bool")


def in_hdf5(rng: Random, data: bytes, mutate: Callable[[bytes], bytes]) -> bytes:
    """One or two edits, made with h5py."""
    buffer = io.BytesIO(data)
    with h5py.File(buffer, "r+") as file:
        for _ in range(rng.choice((1, 1, 2))):
            _edit(rng, file)
    return buffer.getvalue()


def _edit(rng: Random, file: h5py.File) -> None:
    groups: list[Any] = [file]
    datasets: list[str] = []
    file.visititems(
        lambda name, found: datasets.append(name) if isinstance(found, h5py.Dataset) else groups.append(found)
    )
    holders = [group for group in groups if len(group.attrs)]
    if holders and (not datasets or rng.random() < 0.5):
        _edit_attribute(rng, rng.choice(holders).attrs)
    elif datasets:
        _edit_dataset(rng, file, rng.choice(datasets))


def _edit_attribute(rng: Random, attributes: Any) -> None:
    name = rng.choice(list(attributes))
    value = attributes[name]
    what = rng.randrange(5)
    if what == 0:
        del attributes[name]
    elif what <= 2 and isinstance(value, str) and value[:1] in "[{":
        attributes[name] = _text(rng, value)
    elif isinstance(value, str):
        attributes[name] = rng.choice(WORDS).encode("utf-8", "surrogatepass").replace(b"\0", b"").decode("latin-1")
    else:
        attributes[name] = rng.choice(NUMBERS)


def _edit_dataset(rng: Random, file: h5py.File, name: str) -> None:
    old = file[name]
    if old.shape is None or old.size > LARGEST:  # of an edit before: there is no more to do to it
        return
    values = old[()]
    del file[name]
    what = rng.randrange(12)
    if isinstance(values, bytes):  # JSON
        file[name] = _text(rng, values.decode("utf-8", "replace"))
    elif what == 0:
        file[name] = h5py.SoftLink(rng.choice(("/nowhere", f"/{name}", "/")))
    elif what == 1:
        file[name] = h5py.ExternalLink(rng.choice(("/dev/zero", "other.h5", "one.hdf5")), rng.choice(("/", name)))
    elif what == 2:
        place = [("/dev/zero", 0, h5py.h5f.UNLIMITED)]
        file.create_dataset(name, values.shape, values.dtype, external=place)
    elif what == 3:
        layout = h5py.VirtualLayout(values.shape, values.dtype)
        layout[...] = h5py.VirtualSource("other.h5", name, values.shape)
        file.create_virtual_dataset(name, layout)
    elif what == 4:  # takes no room until it is read
        shape = (rng.choice((2**20, 2**31, 2**40, 2**62 // 4096)), *values.shape[1:])
        chunks = (min(1024, shape[0]), *values.shape[1:])
        file.create_dataset(name, shape, values.dtype, chunks=chunks)
    elif what == 5:
        file[name] = values[: rng.choice((0, 1, len(values) // 2))]
    elif what == 6 and values.dtype.names is None:
        file[name] = values.astype(rng.choice(TYPES))
    elif what == 7:
        file[name] = values.reshape(1, *values.shape)
    elif what == 8:
        file.create_group(name)
    elif what == 9:
        file[name] = rng.choice((3.0, "text", h5py.Empty("f")))
    else:
        changed = values.copy()
        flat = changed[rng.choice(changed.dtype.names)] if changed.dtype.names else changed
        if flat.size:
            at = tuple(rng.randrange(length) for length in flat.shape)
            flat[at] = rng.choice((np.nan, np.inf, -1.0, 1e30, 0.0))
        file[name] = changed


def _text(rng: Random, text: str) -> str:
    try:
        if rng.random() < 0.15:
            depth = rng.choice(DEPTHS)
            return "[" * depth + "]" * depth
        return json.dumps(change_node(rng, json.loads(text)))
    except (ValueError, RecursionError):
        return text[: rng.randrange(len(text) + 1)]
